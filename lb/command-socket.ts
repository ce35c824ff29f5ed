import { createConnection } from 'node:net'
import { text } from 'node:stream/consumers'
import { LbError } from './lb-error.ts'

/** HAProxy answers from memory; one that does not is stuck. */
const answerMs = 3_000

/** One command on a socket of HAProxy, the running process's or the master's. Throws LbError `lb-unreachable`. */
export async function askSocket(path: string, command: string): Promise<string> {
  const socket = createConnection(path)
  socket.setTimeout(answerMs, () => socket.destroy(new Error(`no answer within ${answerMs} ms`)))
  // A write to a process that is just being replaced fails here; the reading below says so.
  socket.on('error', () => undefined)
  socket.end(`${command}\n`)
  try {
    return await text(socket)
  } catch (error) {
    throw new LbError(
      'lb-unreachable',
      `HAProxy does not answer at ${path}: ${(error as Error).message}`,
      'Does it run, as `haproxy -W -S MASTER-SOCKET -f haproxy.cfg`, and are you root?',
      error,
    )
  }
}
