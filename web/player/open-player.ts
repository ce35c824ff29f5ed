import type { Api } from '../api/api.ts'
import { ApiError, asApiError } from '../api/api-error.ts'
import type { RecordingDetail } from '../api/recording.ts'
import { type LiveDelay, openLiveDelay } from './live-delay.ts'
import { openLiveFeed } from './live-feed.ts'
import { Player } from './player.ts'
import { RecordingIndex } from './recording-index.ts'
import { serverStream } from './server-stream.ts'
import { Emulator } from './terminal/emulator.ts'
import { TerminalSource } from './terminal/terminal-source.ts'

/** Larger recordings are not passed over in advance: it would cost the reviewer's machine minutes. */
const scanRawBytesMax = 512 * 1024 * 1024
/** Asked again until the server has made its index, which takes it a minute for a gigabyte. */
const indexAgainMs = 3000

export interface OpenPlayer {
  player: Player
  emulator: Emulator
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
  stored = serverStream(api, recording.id),
): Promise<OpenPlayer> {
  const source = new TerminalSource(stored, recording.type === 'command')
  const index = new RecordingIndex(stored)
  const size = { columns: recording.columns || 80, rows: recording.rows || 24 }
  const emulator = new Emulator()
  emulator.resize(size.columns, size.rows)
  const player = new Player(source, index, emulator, size)
  const delay = openLiveDelay()
  const startMs = Date.parse(recording.start)
  let closeFeed: (() => void) | undefined
  let stopScan = () => {}
  const close = () => {
    closeFeed?.()
    stopScan()
    player.close()
    emulator.dispose()
  }

  const begin = async () => {
    await Promise.all([source.readTable(), index.load()])
    if (recording.state === 'live') {
      source.fed = true
      player.setLive(true, Math.max(source.endUs.value, (Date.now() - startMs) * 1000))
      // What was there before says nothing about how long new bytes take.
      const knownBytes = source.size
      player.onTailTime = (timeUs) => {
        if (source.size > knownBytes) delay.add(startMs + timeUs / 1000)
      }
      let completeBytes: number | undefined
      const finish = () => {
        closeFeed?.()
        player.setLive(false)
        changed()
      }
      const finishIfWhole = () => {
        if (completeBytes !== undefined && source.tailOffset >= completeBytes) finish()
      }
      closeFeed = openLiveFeed(recording.id, {
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
          await source.readTail()
          return true
        },
        connected: (connected) => {
          player.connected.value = connected
        },
      })
    } else await source.readTail()
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
  return { player, emulator, delay, close }
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
