import { batch, type Signal, signal } from '@preact/signals'
import { type ApiError, asApiError } from '../api/api-error.ts'
import { Activity } from './activity.ts'
import { Clock } from './clock.ts'
import { jumpAhead } from './jump-ahead.ts'
import { LiveEdge } from './live-edge.ts'
import type { RecordingIndex } from './recording-index.ts'
import type { Screen, Step } from './screen.ts'
import type { StreamSource } from './stream-source.ts'

// paused ── play ──▶ playing ── pause, stop ──▶ paused       playing ── end of what is there ──▶ paused (live: following)
// any ── seek ──▶ seeking ──▶ what it was                    any ── goLive ──▶ following ── pause, seek ──▶ paused, playing
//
// The clock says where the recording is; every animation frame has the screen draw up to it. While following, it draws all
// there is as it comes, and the clock only shows the time.

export const speeds = [0.25, 0.5, 1, 2, 4, 8, 16, 32] as const
/** As much as this far behind, as after the tab was hidden, is passed over unseen rather than shown in fast motion. */
const catchUpUs = 60_000_000
/** Nearer than this to the live end, playback has caught up with it. */
const liveEdgeUs = 150_000

export class Player {
  readonly positionUs = signal(0)
  readonly playing = signal(false)
  readonly speed: Signal<number> = signal(1)
  readonly skipIdle = signal(false)
  readonly seeking = signal(false)
  readonly waiting = signal(false)
  readonly following = signal(false)
  /** True while the session runs. */
  readonly live = signal(false)
  /** True once the first picture was drawn, or why not was said: what else is there to do may begin. */
  readonly shown = signal(false)
  readonly error = signal<unknown>(undefined)
  /** False while a live session's feed is cut; it comes back by itself. */
  readonly connected = signal(true)
  /** Why a session that runs cannot be watched live. */
  readonly refused = signal<ApiError | undefined>(undefined)
  /** Counts up when the timeline's picture may have changed. */
  readonly activityChanges = signal(0)
  readonly activity = new Activity()
  /** Told the time of something that was recorded just now. */
  onNews: ((timeUs: number) => void) | undefined
  readonly screen: Screen
  readonly source: StreamSource
  readonly index: RecordingIndex
  readonly #clock = new Clock()
  readonly #liveEdge = new LiveEdge()
  /** What was there before says nothing about now. */
  #knownBytes = 0
  readonly #closed = new AbortController()
  #seek = new AbortController()
  #request = 0
  #stopped = false

  constructor(screen: Screen, index: RecordingIndex) {
    this.screen = screen
    this.source = screen.source
    this.index = index
    this.source.onMoments = (segment, moments, whole) => {
      this.activity.add(segment, moments, whole)
      this.activityChanges.value += 1
    }
    index.onLoaded = ({ activity }) => {
      this.activity.know(activity)
      this.activityChanges.value += 1
    }
    this.source.onTail = (newestUs) => this.#tail(newestUs)
    this.#request = requestAnimationFrame(this.#tick)
  }

  /** The end of the timeline now; for a live session it moves. */
  get endUs(): number {
    return this.live.value ? Math.max(this.source.endUs.value, this.#liveEdge.now()) : this.source.endUs.value
  }

  play(): void {
    if (this.playing.value) return
    if (this.live.value && this.positionUs.value >= this.endUs - liveEdgeUs) {
      this.goLive()
      return
    }
    const again = this.#stopped || (!this.live.value && this.positionUs.value >= this.source.endUs.value)
    this.#stopped = false
    this.playing.value = true
    if (again) this.seek(0)
    else this.#clock.run(!this.seeking.value)
  }

  pause(): void {
    batch(() => {
      if (this.following.value) this.#clock.set(this.positionUs.value)
      this.following.value = false
      this.playing.value = false
    })
    this.#clock.run(false)
  }

  toggle(): void {
    if (this.playing.value || this.following.value) this.pause()
    else this.play()
  }

  /** Playing then starts at 0. */
  stop(): void {
    this.pause()
    this.#stopped = true
    this.seek(0, { keepStopped: true })
  }

  setSpeed(speed: number): void {
    this.speed.value = speed
    this.#clock.speed(speed)
  }

  /** Up or down one step of `speeds`. */
  changeSpeed(steps: number): void {
    const at = speeds.indexOf(this.speed.value as (typeof speeds)[number])
    this.setSpeed(speeds[Math.max(0, Math.min(speeds.length - 1, at + steps))]!)
  }

  by(deltaUs: number): void {
    this.seek(this.positionUs.value + deltaUs)
  }

  /** Shows the screen as it was at `timeUs` and goes on from there. A later seek replaces an earlier one. */
  async seek(timeUs: number, options: { keepStopped?: boolean; thenFollow?: boolean } = {}): Promise<void> {
    const goal = Math.max(0, Math.min(timeUs, this.endUs))
    if (this.live.value && !options.thenFollow && goal >= this.endUs - liveEdgeUs) return this.goLive()
    this.#seek.abort()
    this.#seek = new AbortController()
    const { signal } = this.#seek
    if (!options.keepStopped) this.#stopped = false
    batch(() => {
      if (this.following.value && !options.thenFollow) this.playing.value = true
      this.following.value = false
      this.seeking.value = true
      this.positionUs.value = goal
    })
    this.#clock.run(false)
    this.#clock.set(goal)
    try {
      await this.screen.seek(options.thenFollow ? Number.POSITIVE_INFINITY : goal, signal)
      if (signal.aborted) return
      batch(() => {
        this.seeking.value = false
        this.waiting.value = false
        this.shown.value = true
        this.error.value = undefined
        if (options.thenFollow) {
          this.following.value = true
          this.playing.value = false
        }
      })
      if (options.thenFollow) this.#drawTail()
      else this.#clock.run(this.playing.value)
    } catch (error) {
      if (!signal.aborted) this.fail(error)
    }
  }

  /** Draws the screen at `timeUs` small and unseen. Resolves with its height in CSS pixels. Rejects with ApiError. */
  thumbnail(canvas: HTMLCanvasElement, timeUs: number, width: number): Promise<number> {
    return this.screen.thumbnail(canvas, timeUs, width, this.#closed.signal)
  }

  goLive(): Promise<void> {
    return this.seek(this.endUs, { thenFollow: true })
  }

  /** The session runs, or has ended; at the end what follows becomes an ordinary recording. */
  setLive(live: boolean, nowUs?: number): void {
    if (live && nowUs !== undefined) {
      this.#liveEdge.guess(nowUs)
      this.#knownBytes = this.source.size
    }
    if (this.live.value === live) return
    this.live.value = live
    if (live || !this.following.value) return
    this.pause()
    this.seek(this.source.endUs.value)
  }

  /** Decodes everything once, unhurried, for the timeline and for pictures to seek from. Until `enough` aborts. */
  async scan(enough: AbortSignal): Promise<void> {
    try {
      await this.screen.scan(AbortSignal.any([this.#closed.signal, enough]))
    } catch {
      // What cannot be read is told when playback gets there.
    }
  }

  close(): void {
    this.#closed.abort()
    this.#seek.abort()
    cancelAnimationFrame(this.#request)
    this.index.close()
    this.screen.close()
  }

  readonly #tick = () => {
    this.#request = requestAnimationFrame(this.#tick)
    if (this.following.value) {
      this.positionUs.value = this.endUs
      this.#drawTail()
    }
    if (!this.#clock.running || this.seeking.value) return
    this.#advance(Math.min(this.#clock.now(), this.endUs))
  }

  #advance(timeUs: number): void {
    if (timeUs - this.positionUs.value > catchUpUs) {
      this.seek(timeUs)
      return
    }
    const step = this.screen.draw(timeUs)
    if (step.waits) {
      this.#clock.run(false)
      this.#clock.set(Math.max(step.waits.startUs, this.positionUs.value))
      this.#wait(step.waits)
      return
    }
    if (step.lags) {
      this.#clock.set(this.positionUs.value)
      return
    }
    this.positionUs.value = jumpAhead(timeUs, {
      segments: this.source.segments.peek(),
      speed: this.speed.value,
      skipIdle: this.skipIdle.value,
      nextUs: this.screen.nextUs,
      endUs: this.live.value ? undefined : this.source.endUs.value,
    })
    if (this.positionUs.value !== timeUs) this.#clock.set(this.positionUs.value)
    if (this.live.value) {
      if (timeUs >= this.endUs - liveEdgeUs) this.goLive()
    } else if (timeUs >= this.source.endUs.value) this.pause()
  }

  #wait({ ready }: NonNullable<Step['waits']>): void {
    this.waiting.value = true
    ready.then(
      () => {
        this.waiting.value = false
        this.#clock.run(this.playing.value && !this.seeking.value)
      },
      (error) => this.fail(error),
    )
  }

  #tail(newestUs: number | undefined): void {
    if (newestUs !== undefined && this.source.size > this.#knownBytes) {
      this.#liveEdge.heard(newestUs)
      this.onNews?.(newestUs)
    }
    if (this.following.value) this.#drawTail()
  }

  // More may come faster than the screen draws, or the page is hidden and draws nothing: every frame goes on with it.
  #drawTail(): void {
    if (this.waiting.value) return
    const { waits } = this.screen.draw(Number.POSITIVE_INFINITY)
    if (waits) this.#wait(waits)
  }

  /** Playing stops, and the page says why. */
  fail(error: unknown): void {
    if (this.#closed.signal.aborted) return
    batch(() => {
      this.seeking.value = false
      this.waiting.value = false
      this.shown.value = true
      this.playing.value = false
      this.following.value = false
      this.error.value = asApiError(error)
    })
    this.#clock.run(false)
  }
}
