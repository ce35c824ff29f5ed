import type { Api } from '../api/api.ts'
import { ApiError, asApiError } from '../api/api-error.ts'
import type { RecordingDetail } from '../api/recording.ts'
import { DesktopScreen } from './desktop/desktop-screen.ts'
import { DesktopSource } from './desktop/desktop-source.ts'
import { type LiveDelay, openLiveDelay } from './live-delay.ts'
import { openLiveFeed } from './live-feed.ts'
import { Player } from './player.ts'
import { RecordingIndex } from './recording-index.ts'
import type { Screen } from './screen.ts'
import { serverRecording } from './server-recording.ts'
import type { StoredRecording } from './stored-stream.ts'
import { TerminalScreen } from './terminal/terminal-screen.ts'
import { TerminalSource } from './terminal/terminal-source.ts'

/** Larger recordings are not passed over in advance: it would cost the reviewer's machine minutes. */
const scanRawBytesMax = 512 * 1024 * 1024
/** Asked again until the server has made its index, which takes it a minute for a gigabyte. */
const indexAgainMs = 3000

export interface OpenPlayer {
  player: Player
  delay: LiveDelay
  close(): void
}

/**
 * A player of one recording, at `startUs`, or at the live end of a session that runs. `changed` is called when the session
 * ends or goes on. `stored` = where it is read from, where that is not its server. Throws ApiError.
 */
export async function openPlayer(
  api: Api,
  recording: RecordingDetail,
  startUs: number | undefined,
  changed: () => void,
  stored = serverRecording(api, recording),
): Promise<OpenPlayer> {
  const index = new RecordingIndex(stored.index)
  const screen = openScreen(recording, stored, index)
  const { source } = screen
  const player = new Player(screen, index)
  const delay = openLiveDelay()
  const startMs = Date.parse(recording.start)
  let closeFeed: (() => void) | undefined
  let stopScan = () => {}
  const close = () => {
    closeFeed?.()
    stopScan()
    player.close()
  }

  const begin = async () => {
    await Promise.all([source.readTable(), index.load()])
    if (recording.state === 'live') {
      source.fed = true
      player.setLive(true, Math.max(source.endUs.value, (Date.now() - startMs) * 1000))
      player.onNews = (timeUs) => delay.add(startMs + timeUs / 1000)
      let completeBytes: number | undefined
      const finish = () => {
        closeFeed?.()
        void source.finished()
        player.setLive(false)
        changed()
      }
      const finishIfWhole = () => {
        if (completeBytes !== undefined && source.tailOffset >= completeBytes) finish()
      }
      closeFeed = openLiveFeed(recording.id, source.name, {
        offset: () => source.tailOffset,
        bytes(offset, bytes) {
          source.pushTail(offset, bytes)
          if (source.damaged.value) finish()
          else finishIfWhole()
        },
        state(state, size) {
          // The state may come before the last bytes do.
          completeBytes = state === 'complete' ? size : undefined
          if (state !== 'complete') player.setLive(state === 'live')
          finishIfWhole()
        },
        done: () => finish(),
        async refused() {
          // The plain address tells why the feed is refused, and 426 where it is not.
          const error = await api.call(`/api/recordings/${recording.id}/live`).catch(asApiError)
          if (!(error instanceof ApiError) || ![401, 403, 404].includes(error.status)) return false
          player.refused.value = error
          source.fed = false
          player.setLive(false)
          await screen.readTail()
          return true
        },
        connected: (connected) => {
          player.connected.value = connected
        },
      })
    } else await screen.readTail()
    if (startUs !== undefined || recording.state !== 'live') player.seek(startUs ?? 0)
    else player.goLive()
    if (recording.state !== 'live') stopScan = scanUntilIndexed(player)
  }
  try {
    await begin()
  } catch (error) {
    // Nobody else has what was made.
    close()
    throw error
  }
  return { player, delay, close }
}

function openScreen(
  { type, columns, rows }: RecordingDetail,
  { timeline, screen }: StoredRecording,
  index: RecordingIndex,
): Screen {
  if (screen) return new DesktopScreen(new DesktopSource(screen, timeline))
  if (!timeline) throw new ApiError(0, 'no-stream', 'There is nothing to play in this.')
  const size = { columns: columns || 80, rows: rows || 24 }
  return new TerminalScreen(new TerminalSource(timeline, type === 'command'), index, size)
}

// Without an index the page draws all of it by itself, unhurried, until there is one.
function scanUntilIndexed(player: Player): () => void {
  const { index, source } = player
  const enough = new AbortController()
  const rawBytes = source.segments.value.reduce((sum, segment) => sum + segment.rawBytes, 0)
  if (index.isMade) return () => undefined
  if (rawBytes <= scanRawBytesMax) player.scan(enough.signal)
  const timer = setInterval(async () => {
    await index.load()
    if (index.isMade) enough.abort()
    if (!index.isComing) clearInterval(timer)
  }, indexAgainMs)
  return () => {
    clearInterval(timer)
    enough.abort()
  }
}
