// util-linux `script`, advanced timing format: lines of TYPE SECONDS VALUE, seconds since the line before.
//   O 0.095101 17                        17 bytes of the output log
//   S 0.004000 SIGWINCH ROWS=40 COLS=120 a signal: a resize, or what ended the recorder
//   H 0.000000 EXIT_CODE 3               a fact; EXIT_CODE is the last

export type TimingEntry =
  | { kind: 'output'; timeUs: number; bytes: number; lineBytes: number }
  | { kind: 'resize'; timeUs: number; columns: number; rows: number; lineBytes: number }
  | { kind: 'signal'; timeUs: number; signal: number; lineBytes: number }
  | { kind: 'exit'; timeUs: number; code: number; lineBytes: number }
  | { kind: 'other'; timeUs: number; lineBytes: number }
  /** Lines are missing here: a full disk took a part of one, and whole ones behind it. */
  | { kind: 'lost'; timeUs: number; lineBytes: number }

/** The timing log is not what `script` writes. */
export class DamagedLogError extends Error {
  readonly code = 'timing-log'
}

/** No line that `script` writes is longer. */
const lineBytesMax = 64 * 1024
const linePattern = /^([OSHI]) (\d{1,9})\.(\d{6}) (.*)$/s
/** A whole line at the end of one that begins with a part of another. */
const tailPattern = /[OSHI] \d{1,9}\.\d{6} .*$/s
/** What `script` ends its session for (signal(7)). */
const endingSignals: Record<string, number> = { SIGHUP: 1, SIGINT: 2, SIGQUIT: 3, SIGTERM: 15 }

/** Reads whole lines from pieces of the log, given as latin1 so that a character is a byte. */
export class TimingParser {
  /** Time of the last line, µs. */
  timeUs: number
  #rest = ''

  constructor(timeUs = 0) {
    this.timeUs = timeUs
  }

  /** Another one that goes on from the same place. */
  copy(): TimingParser {
    const copy = new TimingParser(this.timeUs)
    copy.#rest = this.#rest
    return copy
  }

  /** Throws DamagedLogError when there are no lines. */
  push(text: string): TimingEntry[] {
    const lines = (this.#rest + text).split('\n')
    this.#rest = lines.pop()!
    if (this.#rest.length > lineBytesMax)
      throw new DamagedLogError('The timing log has a line without an end.')
    return lines.flatMap((line) => this.#entries(line))
  }

  #entries(line: string): TimingEntry[] {
    const whole = this.#entry(line)
    if (whole) return [whole]
    const tail = tailPattern.exec(line.slice(1))?.[0] ?? ''
    const entry = this.#entry(tail)
    const lineBytes = line.length - tail.length
    if (entry) return [{ kind: 'lost', timeUs: this.timeUs, lineBytes }, entry]
    return [{ kind: 'lost', timeUs: this.timeUs, lineBytes: line.length + 1 }]
  }

  // `undefined` for what `script` does not write; time then stands still.
  #entry(line: string): TimingEntry | undefined {
    const match = linePattern.exec(line)
    if (!match) return undefined
    const [, type, whole, fraction, value = ''] = match
    const lineBytes = line.length + 1
    // Exact: sums of floats would drift over days.
    const timeUs = this.timeUs + Number(whole) * 1e6 + Number(fraction)
    if (type === 'O' && !/^\d{1,12}$/.test(value)) return undefined
    this.timeUs = timeUs
    if (type === 'O') return { kind: 'output', timeUs, bytes: Number(value), lineBytes }
    const [name = '', ...rest] = value.split(' ')
    if (type === 'S' && name === 'SIGWINCH') {
      const [, rows, columns] = /^ROWS=(\d{1,6}) COLS=(\d{1,6})$/.exec(rest.join(' ')) ?? []
      if (Number(columns) > 0 && Number(rows) > 0)
        return { kind: 'resize', timeUs, columns: Number(columns), rows: Number(rows), lineBytes }
    }
    const signal = type === 'S' ? endingSignals[name] : undefined
    if (signal !== undefined) return { kind: 'signal', timeUs, signal, lineBytes }
    if (type === 'H' && name === 'EXIT_CODE')
      return { kind: 'exit', timeUs, code: Number.parseInt(rest[0] ?? '', 10) || 0, lineBytes }
    return { kind: 'other', timeUs, lineBytes }
  }
}
