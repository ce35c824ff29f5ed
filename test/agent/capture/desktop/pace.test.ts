import test from 'ava'
import { rfbSource } from '../../../../agent/capture/desktop/desktop-source.ts'
import { intervalMsMin, loadedIntervalMs, Pace } from '../../../../agent/capture/desktop/pace.ts'
import { dress, missingPrograms, startDesktop } from '../../../helpers/desktop.ts'
import { eventually } from '../../../helpers/eventually.ts'
import { record } from '../../../helpers/recorded-desktop.ts'

const missing = missingPrograms('Xvnc', 'openbox', 'xdotool', 'ffplay')
const real = missing ? test.skip : test
if (missing) test.skip(`desktops: ${missing}`, () => undefined)

test('an update is paid for by a rest: for the time it took, for the bytes it left, never for ever', (t) => {
  const pace = new Pace()
  t.is(pace.intervalMs(3, 0), intervalMsMin)
  t.is(pace.intervalMs(30, 0), 300)
  t.is(pace.intervalMs(3, 1024 * 1024), 512)
  t.is(pace.intervalMs(60_000, 0), 2000)
})

test('a load is a load when it lasts, and over when it is well below', (t) => {
  const pace = new Pace()
  let nowMs = 0
  const sample = (share: number, forMs: number) => {
    for (const until = nowMs + forMs; nowMs < until; nowMs += 500) pace.sample(share, nowMs)
  }
  sample(0.2, 10_000)
  sample(4, 1000)
  t.false(pace.isLoaded, 'a second is none')
  sample(4, 5000)
  t.true(pace.isLoaded)
  t.is(pace.intervalMs(3, 0), loadedIntervalMs)
  sample(1.2, 30_000)
  t.true(pace.isLoaded, 'it does not flap')
  sample(0.5, 10_000)
  t.false(pace.isLoaded)
})

real(
  'a playing video is recorded 10 times a second at most, and twice where the host is loaded',
  async (t) => {
    const desktop = await startDesktop(t, { geometry: '640x480' })
    await dress(desktop)
    await desktop.video('testsrc2=size=320x240:rate=25', 10, 10)
    let share = 0
    const recorded = await record(t, rfbSource({ address: { path: desktop.socket } }), {
      loadShare: async () => share,
    })
    /** Updates in the last `spanMs` of the recording. */
    const updates = async (spanMs: number) => {
      const times = new Set((await recorded.rectangles()).map(({ timeMs }) => timeMs))
      const last = Math.max(...times)
      if (last < spanMs) throw new Error('too short')
      return [...times].filter((timeMs) => timeMs > last - spanMs).length
    }
    const fast = await eventually(() => updates(3000))
    t.true(fast <= 32, `${fast} updates in 3 s`)
    share = 4
    await eventually(async () => {
      const slow = await updates(3000)
      if (slow > 7 || slow < 2) throw new Error(`${slow} updates in 3 s`)
    })
    await recorded.recorder.stop('stopped')
  },
)
