// util-linux `script`, advanced timing format: lines of TYPE SECONDS VALUE, seconds since the line before.
//   O 0.095101 17                        17 bytes of the output log
//   S 0.004000 SIGWINCH ROWS=40 COLS=120 a signal
//   H 0.000000 EXIT_CODE 3               a fact; EXIT_CODE is the last

export type TimingEntry =
  | { kind: 'output'; timeUs: number; bytes: number; lineBytes: number }
  | { kind: 'resize'; timeUs: number; columns: number; rows: number; lineBytes: number }
  | { kind: 'exit'; timeUs: number; code: number; lineBytes: number }
  | { kind: 'other'; timeUs: number; lineBytes: number }

/** The timing log is not what `script` writes: a host lost power, or somebody wrote into it. */
export class DamagedLogError extends Error {
  readonly code = 'timing-log'
}

/** No line that `script` writes is longer, except that of a command, which is a fact and passed over. */
const lineBytesMax = 64 * 1024

/** Reads whole lines from pieces of the log; `timeUs` goes on from where the reader starts. */
export class TimingParser {
  #timeUs: number
  #rest = ''

  constructor(timeUs = 0) {
    this.#timeUs = timeUs
  }

  /** Throws when the log is not what `script` writes. */
  push(text: string): TimingEntry[] {
    const lines = (this.#rest + text).split('\n')
    this.#rest = lines.pop()!
    if (this.#rest.length > lineBytesMax)
      throw new DamagedLogError('The timing log has a line without an end.')
    return lines.map((line) => this.#entry(line))
  }

  #entry(line: string): TimingEntry {
    const lineBytes = Buffer.byteLength(line) + 1
    const [type, delta = '', ...rest] = line.split(' ')
    this.#timeUs += microseconds(delta)
    const timeUs = this.#timeUs
    if (type === 'O') {
      const bytes = Number(rest[0])
      if (!Number.isSafeInteger(bytes) || bytes < 0)
        throw new DamagedLogError(`The timing log has the line ${JSON.stringify(line)}.`)
      return { kind: 'output', timeUs, bytes, lineBytes }
    }
    if (type === 'S' && rest[0] === 'SIGWINCH') {
      const value = (name: string) =>
        Number(rest.find((word) => word.startsWith(`${name}=`))?.slice(name.length + 1))
      const [columns, rows] = [value('COLS'), value('ROWS')]
      if (columns > 0 && rows > 0) return { kind: 'resize', timeUs, columns, rows, lineBytes }
    }
    if (type === 'H' && rest[0] === 'EXIT_CODE')
      return { kind: 'exit', timeUs, code: Number(rest[1]) || 0, lineBytes }
    if (type === undefined || !'OSHI'.includes(type))
      throw new DamagedLogError(`The timing log has the line ${JSON.stringify(line.slice(0, 80))}.`)
    return { kind: 'other', timeUs, lineBytes }
  }
}

/** Exact: sums of floats would drift over days. */
function microseconds(seconds: string): number {
  const match = /^(\d{1,9})\.(\d{6})$/.exec(seconds)
  if (!match)
    throw new DamagedLogError(`The timing log has the time ${JSON.stringify(seconds.slice(0, 40))}.`)
  return Number(match[1]) * 1e6 + Number(match[2])
}
