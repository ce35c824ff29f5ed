import { appendFileSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { bootId } from '../../agent/capture/process-name.ts'
import { concatBytes, utf8 } from '../../format/bytes.ts'

/** One thing that happens in a session. */
export type Happening = { output: Uint8Array | string } | { resize: [columns: number, rows: number] }

/** The two logs of `script`, written as it writes them: output first, then its line. */
export class WrittenLogs {
  readonly dir: string
  /** All that the terminal showed. */
  readonly shown: Uint8Array[] = []
  readonly resizes: string[] = []
  readonly header = 'Script started on 2026-01-02 03:04:05+00:00 [COMMAND="sh" TERM="xterm"]\n'

  constructor(dir: string) {
    this.dir = dir
    mkdirSync(dir, { recursive: true, mode: 0o700 })
    writeFileSync(join(dir, 'out'), this.header)
    writeFileSync(
      join(dir, 'timing'),
      'H 0.000000 START_TIME 2026-01-02 03:04:05+00:00\nH 0.000000 COMMAND é\n',
      'latin1',
    )
  }

  get bytes(): Uint8Array {
    return concatBytes(this.shown)
  }

  happen(happening: Happening, deltaUs = 1000): void {
    if ('output' in happening) {
      const bytes = typeof happening.output === 'string' ? utf8(happening.output) : happening.output
      this.shown.push(bytes)
      this.writeOutput(bytes)
      this.line(`O ${seconds(deltaUs)} ${bytes.length}`)
    } else {
      const [columns, rows] = happening.resize
      this.resizes.push(`${columns}x${rows}`)
      this.line(`S ${seconds(deltaUs)} SIGWINCH ROWS=${rows} COLS=${columns}`)
    }
  }

  /** Without its timing line, as when the recorder was killed between the two. */
  writeOutput(bytes: Uint8Array): void {
    appendFileSync(join(this.dir, 'out'), bytes)
  }

  line(text: string): void {
    appendFileSync(join(this.dir, 'timing'), `${text}\n`)
  }

  exit(code = 0): void {
    this.line('H 0.000000 DURATION 1.500000')
    this.line(`H 0.000000 EXIT_CODE ${code}`)
    this.writeOutput(utf8(`\nScript done on 2026-01-02 03:05:05+00:00 [COMMAND_EXIT_CODE="${code}"]\n`))
  }

  /** As record.sh announces a session; by default its recorder is gone. */
  announce(options: { pid?: number; ticks?: string; boot?: string; command?: string } = {}): void {
    const { pid = 2 ** 22 + 1, ticks = '1', boot = bootId(), command = 'sh -c true' } = options
    writeFileSync(join(this.dir, 'command'), command)
    const values = {
      session: 's-1',
      user: 'ada',
      uid: 1000,
      groups: 'staff adm',
      host: 'ward-7',
      application: 'sh',
    }
    const more = {
      client: '',
      term: 'xterm',
      columns: 80,
      rows: 24,
      started: 1_790_000_000_000,
      pid,
      ticks,
      boot,
    }
    const lines = Object.entries({ ...values, ...more }).map(([key, value]) => `${key}=${value}\n`)
    writeFileSync(join(this.dir, 'session'), lines.join(''))
  }
}

function seconds(us: number): string {
  return `${Math.floor(us / 1e6)}.${String(us % 1e6).padStart(6, '0')}`
}
