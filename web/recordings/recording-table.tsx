import { type Signal, useSignal } from '@preact/signals'
import { useEffect, useLayoutEffect, useRef } from 'preact/hooks'
import type { Recording } from '../api/recording.ts'
import { RecordingRow } from './recording-row.tsx'

/** As --row in tokens.css, and the two-line rows of narrow windows in recordings.css. */
const rowPixels = { wide: 44, narrow: 64 }
/** Rows kept drawn above and below what is seen. */
const spareRows = 12

interface Props {
  rows: Recording[]
  selected: Signal<string | undefined>
  oldestFirst: boolean
  ended: boolean
  more(): void
  open(recording: Recording): void
  turn(): void
}

/** Draws only the rows near what is seen, so that thousands scroll as ten do. */
export function RecordingTable({ rows, selected, oldestFirst, ended, more, open, turn }: Props) {
  const table = useRef<HTMLTableElement>(null)
  const range = useSignal({ from: 0, to: 40 })
  const narrow = useRef(matchMedia('(max-width: 720px)'))
  const rowHeight = narrow.current.matches ? rowPixels.narrow : rowPixels.wide

  const measure = () => {
    const scroller = table.current?.closest('.main')
    if (!scroller || !table.current) return
    const top = scroller.getBoundingClientRect().top - table.current.getBoundingClientRect().top
    const from = Math.max(0, Math.floor(top / rowHeight) - spareRows)
    const to = Math.min(rows.length, Math.ceil((top + scroller.clientHeight) / rowHeight) + spareRows)
    if (from !== range.peek().from || to !== range.peek().to) range.value = { from, to }
    if (!ended && to >= rows.length) more()
  }
  useLayoutEffect(measure)
  useEffect(() => {
    const scroller = table.current?.closest('.main')
    // On paper, all of them.
    const print = () => {
      range.value = { from: 0, to: rows.length }
    }
    scroller?.addEventListener('scroll', measure, { passive: true })
    addEventListener('resize', measure)
    addEventListener('beforeprint', print)
    addEventListener('afterprint', measure)
    return () => {
      scroller?.removeEventListener('scroll', measure)
      removeEventListener('resize', measure)
      removeEventListener('beforeprint', print)
      removeEventListener('afterprint', measure)
    }
  })

  useEffect(() => {
    const key = (event: KeyboardEvent) => {
      if (event.target instanceof HTMLElement && event.target.matches('input, select, textarea, button'))
        return
      if (event.ctrlKey || event.metaKey || event.altKey) return
      const at = rows.findIndex((row) => row.id === selected.peek())
      const next = { ArrowDown: at + 1, ArrowUp: Math.max(0, at - 1), Home: 0, End: rows.length - 1 }[
        event.key
      ]
      if (event.key === 'Enter' && rows[at] && !(event.target as Element).closest('a')) open(rows[at])
      if (next === undefined || !rows[next]) return
      event.preventDefault()
      selected.value = rows[next].id
      const scroller = table.current?.closest('.main')
      const head = table.current?.tHead?.offsetHeight ?? 0
      if (!scroller || !table.current) return
      const top = table.current.offsetTop + head + next * rowHeight
      if (top - head < scroller.scrollTop) scroller.scrollTop = next === 0 ? 0 : top - head
      else if (top + rowHeight > scroller.scrollTop + scroller.clientHeight)
        scroller.scrollTop = top + rowHeight - scroller.clientHeight
    }
    addEventListener('keydown', key)
    return () => removeEventListener('keydown', key)
  })

  const { from, to } = range.value
  return (
    <table
      class="recordings"
      ref={table}
      aria-rowcount={ended ? rows.length + 1 : -1}
      aria-label="Recordings"
    >
      <thead>
        <tr>
          <th class="poster" aria-label="Picture" />
          <th class="start" aria-sort={oldestFirst ? 'ascending' : 'descending'}>
            <button type="button" onClick={turn} data-testid="sort-start">
              Start {oldestFirst ? '↑' : '↓'}
            </button>
          </th>
          <th class="user">User</th>
          <th class="host">Host</th>
          <th class="application">Application</th>
          <th class="client">Client</th>
          <th class="size number">Size</th>
          <th class="duration">Duration</th>
        </tr>
      </thead>
      <tbody
        onDblClick={(event) => {
          const link = (event.target as Element).closest('tr')?.querySelector('a')
          link?.click()
        }}
      >
        {from > 0 && <tr class="spacer" style={{ height: `${from * rowHeight}px` }} />}
        {rows.slice(from, to).map((row, index) => (
          <RecordingRow
            key={row.id}
            recording={row}
            index={from + index}
            selected={selected.value === row.id}
            select={() => {
              selected.value = row.id
            }}
          />
        ))}
        {to < rows.length && <tr class="spacer" style={{ height: `${(rows.length - to) * rowHeight}px` }} />}
      </tbody>
    </table>
  )
}
