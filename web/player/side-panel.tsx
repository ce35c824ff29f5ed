import type { RecordingDetail } from '../api/recording.ts'
import { CopyButton } from '../ui/copy.tsx'
import { sizeText } from '../ui/format-size.ts'
import { localText, zoneName, zoneText } from '../ui/format-time.ts'
import type { Player } from './player.ts'
import { VerifyPanel } from './verify-panel.tsx'

/** Who, where, what; the proof; and the other recordings of the session. */
export function SidePanel({ recording, player }: { recording: RecordingDetail; player: Player }) {
  const startMs = Date.parse(recording.start)
  const { client } = recording
  return (
    <aside class="panel" aria-label="About this recording">
      <section>
        <h2>Recording</h2>
        <dl>
          <dt>User</dt>
          <dd>{recording.user}</dd>
          <dt>Host</dt>
          <dd>{recording.host}</dd>
          <dt>Client</dt>
          <dd>{[client.name, client.address].filter(Boolean).join(', ') || 'local'}</dd>
          <dt>Application</dt>
          <dd>{recording.application}</dd>
          <dt>Command</dt>
          <dd>
            <code>{recording.command}</code>
          </dd>
          <dt>Start</dt>
          <dd title={zoneText(startMs)}>
            {localText(startMs)} <span class="soft small">{zoneName()}</span>
          </dd>
          <dt>Size</dt>
          <dd>{sizeText(Math.max(recording.bytes, player.source.size))}</dd>
          {recording.fileName === undefined ? (
            <>
              <dt>Id</dt>
              <dd class="id">
                <code>{recording.id}</code>
                <CopyButton text={recording.id} what="the id" />
              </dd>
            </>
          ) : (
            <>
              <dt>File</dt>
              <dd>{recording.fileName}</dd>
            </>
          )}
        </dl>
      </section>
      {recording.fileName === undefined && (
        <>
          <VerifyPanel id={recording.id} player={player} />
          <FollowUps recording={recording} />
        </>
      )}
      <Keys />
    </aside>
  )
}

function FollowUps({ recording }: { recording: RecordingDetail }) {
  const ids = (recording.followUps ?? []).map((item) => (typeof item === 'string' ? item : item.id))
  const all = ids.includes(recording.id) ? ids : [...ids, recording.id].sort()
  return (
    <section data-testid="follow-ups">
      <h2>Follow up</h2>
      {all.length < 2 ? (
        <p class="soft">This is the session's only recording.</p>
      ) : (
        <ol>
          {all.map((id, index) => (
            <li key={id}>
              {id === recording.id ? (
                <strong>Part {index + 1}, shown here</strong>
              ) : (
                <a href={`/recordings/${id}`}>Part {index + 1}</a>
              )}
            </li>
          ))}
        </ol>
      )}
    </section>
  )
}

const keys: [keys: string, does: string][] = [
  ['Space', 'play, pause'],
  ['← →', '5 s, with Ctrl 30 s'],
  ['PgUp PgDn', '1 min, with Ctrl 6 min'],
  ['Wheel', '15 s, with Ctrl 90 s'],
  ['Home End', 'begin, end or live'],
  ['− +', 'slower, faster'],
  ['F11 Esc', 'full screen'],
  ['F10', 'a window of its own'],
]

function Keys() {
  return (
    <details>
      <summary>Keys</summary>
      <dl class="keys">
        {keys.map(([name, does]) => (
          <>
            <dt>{name}</dt>
            <dd>{does}</dd>
          </>
        ))}
      </dl>
    </details>
  )
}
