import type { Api } from '../api/api.ts'
import { ApiError, asApiError } from '../api/api-error.ts'
import type { RecordingDetail } from '../api/recording.ts'
import { Emulator } from './emulator.ts'
import { type LiveDelay, openLiveDelay } from './live-delay.ts'
import { openLiveFeed } from './live-feed.ts'
import { Player } from './player.ts'
import { RecordingSource } from './recording-source.ts'

/** Larger recordings are not passed over in advance: it would cost the reviewer's machine minutes. */
const scanRawBytesMax = 512 * 1024 * 1024

export interface OpenPlayer {
  player: Player
  emulator: Emulator
  delay: LiveDelay
  close(): void
}

/**
 * A player of one recording, at `startUs`, or at the live end of a session that runs. `changed` is called when the session
 * ends or goes on. Throws ApiError.
 */
export async function openPlayer(
  api: Api,
  recording: RecordingDetail,
  startUs: number | undefined,
  changed: () => void,
): Promise<OpenPlayer> {
  const source = new RecordingSource(api, recording.id)
  await source.readTable()
  const columns = recording.columns || 80
  const rows = recording.rows || 24
  const emulator = new Emulator()
  emulator.resize(columns, rows)
  const player = new Player(source, emulator, columns, rows)
  const delay = openLiveDelay()
  const startMs = Date.parse(recording.start)
  let closeFeed: (() => void) | undefined

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
  const rawBytes = source.segments.value.reduce((sum, segment) => sum + segment.rawBytes, 0)
  if (recording.state !== 'live' && rawBytes <= scanRawBytesMax) player.scan()
  return {
    player,
    emulator,
    delay,
    close() {
      closeFeed?.()
      player.close()
      emulator.dispose()
    },
  }
}
