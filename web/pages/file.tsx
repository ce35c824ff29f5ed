import { useSignal } from '@preact/signals'
import { useEffect } from 'preact/hooks'
import { asApiError } from '../api/api-error.ts'
import { useApp } from '../app/app-state.ts'
import { openFiles } from '../file/open-file.ts'
import type { OpenedFile } from '../file/opened-file.ts'
import { type OpenPlayer, openPlayer } from '../player/open-player.ts'
import { PlayerView } from '../player/player-view.tsx'
import { ErrorFace } from '../ui/faces.tsx'
import { sizeText } from '../ui/format-size.ts'
import { durationText, localText, zoneText } from '../ui/format-time.ts'
import { Icon } from '../ui/icon.tsx'
import { usePageTitle } from '../ui/page-title.ts'

/** Plays what was dropped on a page or chosen here. It stays on this machine. */
export function FilePage() {
  const { files } = useApp()
  const chosen = files.value
  usePageTitle(chosen[0]?.name ?? 'Open a file')
  if (chosen.length === 0) return <ChooseFile />
  const key = chosen.map(({ name, lastModified, size }) => `${name} ${lastModified} ${size}`).join()
  return <FilePlayer key={key} files={chosen} />
}

function ChooseFile() {
  const { files } = useApp()
  return (
    <div class="middle" data-testid="choose-file">
      <Icon name="open" size={36} />
      <h1>Open a recording from this machine</h1>
      <p class="soft">
        Drop a .cast.zst, a desktop's .rfb.zst, both of one recording, or an asciicast (.cast) anywhere, or
        choose them. They are sent nowhere.
      </p>
      <label class="button primary">
        Choose a file…
        <input
          class="file-input"
          type="file"
          multiple
          accept=".zst,.cast,.json"
          data-testid="file-input"
          onChange={(event) => {
            files.value = [...(event.currentTarget.files ?? [])]
          }}
        />
      </label>
    </div>
  )
}

function FilePlayer({ files }: { files: File[] }) {
  const { api, files: chosen } = useApp()
  const name = files.map((file) => file.name).join(', ')
  const size = files.reduce((sum, file) => sum + file.size, 0)
  const agreed = useSignal(false)
  const share = useSignal(0)
  const opened = useSignal<(OpenPlayer & OpenedFile) | undefined>(undefined)
  const error = useSignal<unknown>(undefined)
  useEffect(() => {
    if (!agreed.value) return
    let gone = false
    const open = async () => {
      const found = await openFiles(files, (read) => {
        share.value = read
        if (gone) throw new Error('Another file is opened.')
      })
      const player = await openPlayer(api, found.recording, 0, () => undefined, found.stored)
      if (gone) player.close()
      else opened.value = { ...player, ...found }
    }
    open().catch((caught) => {
      error.value = asApiError(caught)
    })
    return () => {
      gone = true
      opened.peek()?.close()
    }
  }, [files, agreed.value])

  if (error.value)
    return (
      <ErrorFace
        error={error.value}
        retry={() => {
          chosen.value = []
        }}
      />
    )
  if (!agreed.value)
    return (
      <div class="middle" data-testid="unproven-file">
        <Icon name="shield" size={36} />
        <h1>Nothing here proves this file</h1>
        <p>
          <code>{name}</code>, {sizeText(size)}
        </p>
        <p class="soft">
          Who made it, and whether all of it is there, is proven by <code>tapedeck verify</code> with the
          farm's key, not by this page. It stays on this machine.
        </p>
        <button
          type="button"
          class="button primary"
          data-testid="open-unproven"
          onClick={() => {
            agreed.value = true
          }}
        >
          Open it
        </button>
      </div>
    )
  if (!opened.value)
    return (
      <div class="middle soft" role="status">
        Reading {name}… {Math.floor(share.value * 100)} %
      </div>
    )
  const { recording, player, delay } = opened.value
  const startMs = Date.parse(recording.start)
  return (
    <div class="playback">
      <div class="playback-head">
        <h1>
          {recording.user ? `${recording.user}@${recording.host}` : name}{' '}
          {recording.application !== files[0]!.name && <span class="soft">{recording.application}</span>}
        </h1>
        <span class="soft" title={zoneText(startMs)}>
          {localText(startMs)}
        </span>
        <span class="soft">{durationText(recording.durationMs)}</span>
        <span class="pill medium" title="Nothing here proves who made it or that it is whole">
          file, not proven
        </span>
      </div>
      <PlayerView recording={recording} player={player} delay={delay} />
    </div>
  )
}
