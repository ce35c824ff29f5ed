import type { Crypto, Signer } from '../../../format/ports.ts'
import type { StreamName } from '../../../format/records.ts'
import type { AgentLog } from '../../log.ts'
import type { SpooledStream } from '../../queue/spooled-stream.ts'
import { processAlive } from '../process-name.ts'
import type { DesktopError } from './desktop-error.ts'
import { type DesktopRecorder, recordDesktop } from './desktop-recorder.ts'
import { DesktopTimeline } from './desktop-timeline.ts'
import type { LocalDesktop } from './local-desktops.ts'
import type { LossyOptions } from './lossy-encoder.ts'
import type { ScreenSource } from './screen-source.ts'
import { spoolSink } from './spool-sink.ts'

// One desktop's recording in the queue. The screen's END comes before the timeline's, so that a timeline that goes on
// says that the desktop does, or that a crash came between the two.

export interface DesktopSessionOptions {
  key: string
  desktop: LocalDesktop
  cast: SpooledStream
  /** Absent when it is whole in the farm already. */
  screen?: SpooledStream
  source: ScreenSource
  lossy?: LossyOptions
  signer: Signer
  crypto: Crypto
  certificate: string
  log: AgentLog
}

export class DesktopSession {
  readonly #options: DesktopSessionOptions
  readonly #recorder: DesktopRecorder | undefined
  readonly #watched = new Set<StreamName>()

  constructor(options: DesktopSessionOptions) {
    const { desktop, cast, screen, source, lossy, signer, crypto, certificate, log } = options
    this.#options = options
    const { process } = desktop
    if (screen)
      this.#recorder = recordDesktop({
        sink: spoolSink(screen),
        recording: cast.recording,
        facts: cast.record.session.facts,
        source,
        signer,
        crypto,
        certificate,
        log,
        ...(lossy && { lossy }),
        ...(process && { isGone: () => !processAlive(process) }),
        openTimeline: () => this.#openTimeline(),
      })
  }

  get key(): string {
    return this.#options.key
  }

  get desktop(): LocalDesktop {
    return this.#options.desktop
  }

  get cast(): SpooledStream {
    return this.#options.cast
  }

  /** Nothing was recorded. */
  get isEmpty(): boolean {
    const { cast, screen } = this.#options
    return cast.durable === 0 && (screen?.durable ?? 0) === 0
  }

  /** Bytes in the queue and sent. */
  get bytes(): number {
    return this.#options.cast.durable + (this.#options.screen?.durable ?? 0)
  }

  get trouble() {
    return this.#recorder?.trouble
  }

  /** Resolves when it has ended or was closed, with the error when it could not be recorded. Never rejects. */
  async run(): Promise<Error | undefined> {
    try {
      if (this.#recorder) await this.#recorder.done
      else await this.#endTimeline()
      return undefined
    } catch (error) {
      return error as DesktopError
    }
  }

  setWatched(stream: StreamName, watched: boolean): void {
    if (watched) this.#watched.add(stream)
    else this.#watched.delete(stream)
    this.#recorder?.setWatched(this.#watched.size > 0)
  }

  /** Its desktop is to be recorded no more. */
  async stop(): Promise<void> {
    await this.#recorder?.stop('stopped')
  }

  /** Leaves both streams at a boundary, to go on later. */
  async close(): Promise<void> {
    await this.#recorder?.close()
  }

  #openTimeline(): Promise<DesktopTimeline | undefined> {
    const { cast: spooled, signer, crypto, certificate } = this.#options
    return DesktopTimeline.open({ spooled, signer, crypto, certificate })
  }

  async #endTimeline(): Promise<void> {
    if (this.cast.files.length === 0) return
    const timeline = await this.#openTimeline()
    await timeline?.end('exit', 0)
    timeline?.close()
  }
}
