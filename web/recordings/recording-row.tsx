import type { Recording } from '../api/recording.ts'
import { sizeText } from '../ui/format-size.ts'
import { durationText, localText, zoneText } from '../ui/format-time.ts'
import { Poster } from './poster.tsx'

/** In a list, a session that runs is looked at again so often. */
const livePosterMs = 10_000

interface Props {
  recording: Recording
  selected: boolean
  index: number
  select(): void
}

export function RecordingRow({ recording, selected, index, select }: Props) {
  const startMs = Date.parse(recording.start)
  const client = recording.client.name || recording.client.address
  return (
    <tr
      class={selected ? 'selected' : undefined}
      aria-rowindex={index + 2}
      aria-selected={selected}
      onPointerDown={select}
    >
      <td class="poster">
        <Poster id={recording.id} version={posterVersion(recording)} />
      </td>
      <td class="start">
        <a
          href={`/recordings/${recording.id}`}
          title={zoneText(startMs)}
          data-testid="recording-link"
          data-recording={recording.id}
          tabIndex={-1}
        >
          {localText(startMs)}
        </a>
      </td>
      <td class="user" title={recording.user}>
        {recording.user}
      </td>
      <td class="host" title={recording.host}>
        {recording.host}
      </td>
      <td class="application" title={recording.command}>
        {recording.application}
        {recording.sequence > 0 && <span class="soft"> · part {recording.sequence + 1}</span>}
        <span class="command">{argumentsOf(recording)}</span>
      </td>
      <td class="client" title={recording.client.address}>
        {client || <span class="soft">local</span>}
      </td>
      <td class="size number">{sizeText(recording.bytes)}</td>
      <td class="duration">
        <Length recording={recording} startMs={startMs} />
      </td>
    </tr>
  )
}

// What nobody writes any more looks the same for ever.
function posterVersion({ state, bytes }: Recording): number {
  return state === 'live' ? Math.floor(Date.now() / livePosterMs) : bytes
}

/** What follows the application in its command, where it says more. */
function argumentsOf({ application, command }: Recording): string {
  const rest = command.startsWith(`${application} `) ? command.slice(application.length + 1) : command
  return rest === application ? '' : rest
}

function Length({ recording, startMs }: { recording: Recording; startMs: number }) {
  const marks = (
    <>
      {recording.proof === 'failed' && (
        <span class="pill severe" title="The check found that it is not what was recorded">
          failed proof
        </span>
      )}
      {recording.gaps > 0 && (
        <span class="pill medium" title="Data is missing; the player shows where">
          {recording.gaps} {recording.gaps === 1 ? 'gap' : 'gaps'}
        </span>
      )}
    </>
  )
  if (recording.state === 'live')
    return (
      <>
        <span class="pill live" data-testid="live-pill">
          LIVE
        </span>
        <span class="soft">{durationText(Math.max(0, Date.now() - startMs))}</span>
        {marks}
      </>
    )
  return (
    <>
      <span>{durationText(recording.durationMs)}</span>
      {recording.state === 'dormant' && (
        <span class="pill medium" title="Data stopped coming and the session did not close">
          dormant
        </span>
      )}
      {marks}
    </>
  )
}
