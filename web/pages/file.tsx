import { useSignal } from '@preact/signals'
import { useEffect } from 'preact/hooks'
import { asApiError } from '../api/api-error.ts'
import { useApp } from '../app/app-state.ts'
import { openFile } from '../file/open-file.ts'
import type { OpenedFile } from '../file/opened-file.ts'
import { type OpenPlayer, openPlayer } from '../player/open-player.ts'
import { PlayerView } from '../player/player-view.tsx'
import { ErrorFace } from '../ui/faces.tsx'
import { sizeText } from '../ui/format-size.ts'
import { durationText, localText, zoneText } from '../ui/format-time.ts'
import { Icon } from '../ui/icon.tsx'
import { usePageTitle } from '../ui/page-title.ts'

/** Plays a file that was dropped on a page or chosen here. It stays on this machine. */
export function FilePage() {
  const { file } = useApp()
  usePageTitle(file.value?.name ?? 'Open a file')
  const chosen = file.value
  if (!chosen) return <ChooseFile />
  return <FilePlayer key={`${chosen.name} ${chosen.lastModified} ${chosen.size}`} file={chosen} />
}

function ChooseFile() {
  const { file } = useApp()
  return (
    <div class="middle" data-testid="choose-file">
      <Icon name="open" size={36} />
      <h1>Open a recording from this machine</h1>
      <p class="soft">
        Drop a .cast.zst or an asciicast (.cast) anywhere, or choose one. It is sent nowhere.
      </p>
      <label class="button primary">
        Choose a file…
        <input
          class="file-input"
          type="file"
          accept=".zst,.cast,.json"
          data-testid="file-input"
          onChange={(event) => {
            file.value = event.currentTarget.files?.[0]
          }}
        />
      </label>
    </div>
  )
}

function FilePlayer({ file }: { file: File }) {
  const { api, file: chosen } = useApp()
  const agreed = useSignal(false)
  const share = useSignal(0)
  const opened = useSignal<(OpenPlayer & OpenedFile) | undefined>(undefined)
  const error = useSignal<unknown>(undefined)
  useEffect(() => {
    if (!agreed.value) return
    let gone = false
    const open = async () => {
      const found = await openFile(file, (read) => {
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
  }, [file, agreed.value])

  if (error.value)
    return (
      <ErrorFace
        error={error.value}
        retry={() => {
          chosen.value = undefined
        }}
      />
    )
  if (!agreed.value)
    return (
      <div class="middle" data-testid="unproven-file">
        <Icon name="shield" size={36} />
        <h1>Nothing here proves this file</h1>
        <p>
          <code>{file.name}</code>, {sizeText(file.size)}
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
        Reading {file.name}… {Math.floor(share.value * 100)} %
      </div>
    )
  const { recording, player, emulator, delay } = opened.value
  const startMs = Date.parse(recording.start)
  return (
    <div class="playback">
      <div class="playback-head">
        <h1>
          {recording.user ? `${recording.user}@${recording.host}` : file.name}{' '}
          {recording.application !== file.name && <span class="soft">{recording.application}</span>}
        </h1>
        <span class="soft" title={zoneText(startMs)}>
          {localText(startMs)}
        </span>
        <span class="soft">{durationText(recording.durationMs)}</span>
        <span class="pill medium" title="Nothing here proves who made it or that it is whole">
          file, not proven
        </span>
      </div>
      <PlayerView recording={recording} player={player} emulator={emulator} delay={delay} />
    </div>
  )
}
