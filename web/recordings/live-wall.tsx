import { type Signal, useSignal } from '@preact/signals'
import { useEffect, useRef } from 'preact/hooks'
import type { Recording } from '../api/recording.ts'
import { durationText, zoneText } from '../ui/format-time.ts'
import { Poster } from './poster.tsx'

/** Pictures of what is seen are asked for so often: a server draws them no sooner. */
const pictureMs = 2000

interface Props {
  rows: Recording[]
  ended: boolean
  more(): void
}

/** Sessions that run, as one sees them on a wall of monitors. */
export function LiveWall({ rows, ended, more }: Props) {
  const version = useSignal(Math.floor(Date.now() / pictureMs))
  const end = useRef<HTMLDivElement>(null)
  useEffect(() => {
    const timer = setInterval(() => {
      if (!document.hidden) version.value += 1
    }, pictureMs)
    return () => clearInterval(timer)
  }, [version])
  useEffect(() => {
    if (ended) return
    const observer = new IntersectionObserver(([entry]) => entry?.isIntersecting && more())
    observer.observe(end.current!)
    return () => observer.disconnect()
  }, [ended, more, rows.length])
  return (
    <>
      <ul class="wall" aria-label="Live sessions" data-testid="wall">
        {rows.map((row) => (
          <Tile key={row.id} recording={row} version={version} />
        ))}
      </ul>
      <div ref={end} />
    </>
  )
}

function Tile({ recording, version }: { recording: Recording; version: Signal<number> }) {
  const tile = useRef<HTMLLIElement>(null)
  const seen = useSignal(false)
  const shown = useRef(version.peek())
  useEffect(() => {
    const observer = new IntersectionObserver(([entry]) => {
      seen.value = entry?.isIntersecting === true
    })
    observer.observe(tile.current!)
    return () => observer.disconnect()
  }, [seen])
  if (seen.value) shown.current = version.value
  const startMs = Date.parse(recording.start)
  const { id, user, host, application, command } = recording
  return (
    <li ref={tile}>
      <a href={`/recordings/${id}`} data-testid="recording-link" data-recording={id} title={command}>
        <Poster id={id} version={shown.current} />
        <span class="wall-line">
          <strong>
            {user}@{host}
          </strong>
          <span class="pill live" data-testid="live-pill">
            LIVE
          </span>
        </span>
        <span class="wall-line soft small">
          <span>{application}</span>
          <span title={zoneText(startMs)}>{durationText(Math.max(0, Date.now() - startMs))}</span>
        </span>
      </a>
    </li>
  )
}
