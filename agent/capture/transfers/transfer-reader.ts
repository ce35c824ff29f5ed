import type { PipeLogs } from '../pipe-logs.ts'
import { rsyncTarget, transfersOfRsyncLine } from './rsync-log.ts'
import { ScpParser, scpTarget } from './scp-protocol.ts'
import { transfersOfSftpLine } from './sftp-log.ts'
import type { Transfer } from './transfer.ts'

// Transfers of one session as its logs tell of them, from the beginning each time it is opened: the same log gives the
// same transfers in the same order.

/** Read at once; the protocol of scp has the files themselves in it. */
const readBytes = 256 * 1024
/** A line of a log is a path and two numbers. */
const lineCharactersMax = 64 * 1024

export class TransferReader {
  readonly #logs: PipeLogs
  readonly #log: 'in' | 'out' | 'transfers'
  readonly #parse: (bytes: Uint8Array) => Transfer[]
  #at = 0
  #rest = ''

  private constructor(
    logs: PipeLogs,
    log: 'in' | 'out' | 'transfers',
    parse: (bytes: Uint8Array) => Transfer[],
  ) {
    this.#logs = logs
    this.#log = log
    this.#parse = parse
  }

  /** `undefined` where the session moves no files that its logs tell of. */
  static open(logs: PipeLogs, means: string, command: string): TransferReader | undefined {
    const lines = (parse: (line: string) => Transfer[]): TransferReader => {
      const reader: TransferReader = new TransferReader(logs, 'transfers', (bytes) =>
        reader.#lines(bytes, parse),
      )
      return reader
    }
    if (means === 'sftp') return lines(transfersOfSftpLine)
    if (means === 'rsync') {
      const target = rsyncTarget(command)
      return lines((line) => transfersOfRsyncLine(line, target))
    }
    if (means !== 'scp') return undefined
    const receives = / -t( |$)/.test(command)
    const parser = new ScpParser(receives ? 'client-to-host' : 'host-to-client', scpTarget(command))
    return new TransferReader(logs, receives ? 'in' : 'out', (bytes) => parser.push(bytes))
  }

  /** The log it reads, and up to where it has. */
  get read(): { log: 'in' | 'out' | 'transfers'; bytes: number } {
    return { log: this.#log, bytes: this.#at }
  }

  next(): Transfer[] {
    const transfers: Transfer[] = []
    for (let got = readBytes; got === readBytes; ) {
      const bytes = this.#logs.read(this.#log, this.#at, readBytes)
      got = bytes.length
      this.#at += got
      transfers.push(...this.#parse(bytes))
    }
    return transfers
  }

  #lines(bytes: Uint8Array, parse: (line: string) => Transfer[]): Transfer[] {
    const lines = (this.#rest + Buffer.from(bytes).toString()).split('\n')
    this.#rest = lines.pop()!.slice(0, lineCharactersMax)
    return lines.flatMap(parse)
  }
}

/** What git moved is one pack: all that passed in its direction. */
export function gitTransfer(command: string, passed: { in: number; out: number }): Transfer {
  const path = (command.trim().split(/\s+/).at(-1) ?? '').replace(/^'|'$/g, '')
  const receives = /receive-pack/.test(command)
  return {
    means: 'git',
    direction: receives ? 'client-to-host' : 'host-to-client',
    path,
    bytes: receives ? passed.in : passed.out,
  }
}
