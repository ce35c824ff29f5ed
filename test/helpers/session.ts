import { readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { openPty, type Pty } from './pty.ts'
import { difference, exportedOutput, printed, recordingOf } from './recorded.ts'
import type { Listed, Up } from './up.ts'

// A recorded session that prints many bytes of every kind for a while, and what must be true of it afterwards.

const producer = fileURLToPath(new URL('produce.py', import.meta.url))
/** `script` hands on at most this much at once, first to the terminal, then to its log. */
const scriptBufferBytes = 8192

/** A silent network is noticed after a minute; then come the waits between attempts. */
const settleMsMax = 180_000

export interface ProducingSession {
  readonly pty: Pty
  /** As its recording names it. */
  readonly command: string
  /** The process that became `script`. */
  recorderPid(): Promise<number>
  /** Throws unless the farm has, proven, exactly what was printed, once. */
  check(): Promise<Listed>
  /** The same for a recorder that was killed: all but at most what it had in its hands. */
  checkTerminated(): Promise<Listed>
}

type Recorder = Pick<Up, 'recordCommand' | 'json' | 'tapedeck'>

/** `seed` names the session: two of one home must not have the same. */
export function startSession(up: Recorder, seed: number, seconds: number): ProducingSession {
  const command = ['python3', producer, String(seed), seconds.toFixed(2)]
  const pty = openPty(up.recordCommand(...command))
  const finished = async () => {
    const row = await recordingOf(up, command.join(' '), undefined, settleMsMax)
    const { status, stdout } = await up.tapedeck('verify', row.id)
    if (status !== 0) throw new Error(`verify ${row.id} ended with ${status}:\n${stdout}`)
    return { row, output: await exportedOutput(up, row.id) }
  }
  return {
    pty,
    command: command.join(' '),
    async recorderPid() {
      await pty.waitFor(`${seed}/1: `)
      const children = await readFile(`/proc/${pty.pid}/task/${pty.pid}/children`, 'utf8')
      return Number(children.trim())
    },
    async check() {
      await pty.exit
      const { row, output } = await finished()
      if (!printed(pty).includes(`produced ${seed}\r\n`))
        throw new Error(`The session ${command.join(' ')} did not reach its end.`)
      const wrong = difference(output, printed(pty))
      if (wrong) throw new Error(`${row.id}: ${wrong}`)
      return row
    },
    async checkTerminated() {
      await pty.exit
      const { row, output } = await finished()
      const shown = printed(pty)
      const wrong = difference(output, shown.subarray(0, output.length))
      if (wrong) throw new Error(`${row.id}: ${wrong}`)
      if (shown.length - output.length > scriptBufferBytes)
        throw new Error(`${row.id}: ${shown.length} bytes printed, ${output.length} recorded.`)
      if (row.endReason !== 'terminated') throw new Error(`${row.id} ended with ${row.endReason}.`)
      return row
    },
  }
}
