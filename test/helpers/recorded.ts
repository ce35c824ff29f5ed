import { bytesOfText } from '../../format/output-text.ts'
import { eventually } from './eventually.ts'
import type { Pty } from './pty.ts'
import type { Listed, Up } from './up.ts'

// What was printed, what was recorded, and whether the farm can prove it.

const notice = Buffer.from('If you object, end it now.\r\n')

/** What the recorded command printed: all but the recorder's own notice. */
export function printed(pty: Pty): Buffer {
  return withoutNotice(pty.output())
}

export function withoutNotice(output: Buffer): Buffer {
  const at = output.indexOf(notice)
  return at < 0 ? output : output.subarray(at + notice.length)
}

/** The output bytes of an exact export, the sizes the terminal had, and the times of all events in seconds. */
export function recorded(asciicast: Buffer): { output: Buffer; sizes: string[]; times: number[] } {
  const pieces: Uint8Array[] = []
  const sizes: string[] = []
  const times: number[] = []
  let from = asciicast.indexOf(10) + 1
  for (let to = asciicast.indexOf(10, from); to >= 0; to = asciicast.indexOf(10, from)) {
    const [time, code, data] = JSON.parse(asciicast.toString('utf8', from, to)) as [number, string, string]
    if (code === 'o') pieces.push(bytesOfText(data))
    if (code === 'r') sizes.push(data)
    times.push(time)
    from = to + 1
  }
  return { output: Buffer.concat(pieces), sizes, times }
}

/** Where two byte strings first differ, in words; `undefined` when they are the same. */
export function difference(got: Buffer, expected: Buffer): string | undefined {
  if (got.equals(expected)) return undefined
  let at = 0
  while (at < got.length && got[at] === expected[at]) at += 1
  const around = (bytes: Buffer) => JSON.stringify(bytes.toString('latin1', at - 40, at + 40))
  return `${got.length} bytes recorded, ${expected.length} printed; from byte ${at} on recorded ${around(got)}, printed ${around(expected)}`
}

/** The recording of the session that ran `command`, once `holds` holds for it. */
export function recordingOf(
  up: Pick<Up, 'json'>,
  command: string,
  holds: (row: Listed) => boolean = ({ state }) => state === 'complete',
  timeoutMs = 90_000,
): Promise<Listed> {
  return eventually(
    async () => {
      const rows = await up.json<Listed[]>('list', '--limit', '1000')
      const found = rows.filter((row) => row.command === command)
      if (found.length === 1 && holds(found[0]!)) return found[0]!
      throw new Error(`Recordings of '${command}': ${JSON.stringify(found)}`)
    },
    { timeoutMs, everyMs: 400 },
  )
}

/** Output of a recording as its server exports it. */
export async function exportedOutput(up: Pick<Up, 'tapedeck'>, id: string): Promise<Buffer> {
  const { status, stdout, stderr } = await up.tapedeck('export', id, '--exact')
  if (status !== 0) throw new Error(`export ended with ${status}: ${stderr}`)
  return recorded(stdout).output
}
