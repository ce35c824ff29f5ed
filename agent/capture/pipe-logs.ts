import { closeSync, existsSync, fstatSync, readFileSync, readSync } from 'node:fs'
import { join } from 'node:path'
import { openLog } from './log-files.ts'

// What `tee` has copied of a session without a terminal, beside what the recorder says about it:
//
//   log/out log/err log/in          bytes that passed; `in` only where it is a script
//   log/NAME.bytes log/NAME.sha256  how many passed (as dd says it), and their digest, where the bytes themselves are not kept
//   log/transfers                   lines of sftp-server or rsync
//   log/exit                        status of the command;  done  when nothing is copied any more

export type PipeName = 'out' | 'err' | 'in' | 'transfers'

export interface Passed {
  bytes: number
  sha256: string
}

export class PipeLogs {
  readonly #dir: string
  readonly #fds: Record<PipeName, number>

  /** `dir` = the session's folder. Throws ENOENT when the logs are gone. */
  constructor(dir: string) {
    this.#dir = dir
    const opened: number[] = []
    const open = (name: PipeName) => {
      const fd = openLog(join(dir, 'log', name))
      opened.push(fd)
      return fd
    }
    try {
      this.#fds = { out: open('out'), err: open('err'), in: open('in'), transfers: open('transfers') }
    } catch (error) {
      for (const fd of opened) closeSync(fd)
      throw error
    }
  }

  size(name: PipeName): number {
    return fstatSync(this.#fds[name]).size
  }

  /** Its own memory; shorter where the log ends. */
  read(name: PipeName, offset: number, length: number): Uint8Array {
    const bytes = Buffer.allocUnsafeSlow(Math.max(0, Math.min(length, this.size(name) - offset)))
    let size = 0
    while (size < bytes.length) {
      const got = readSync(this.#fds[name], bytes, size, bytes.length - size, offset + size)
      if (got === 0) break
      size += got
    }
    return bytes.subarray(0, size)
  }

  /** Nothing more will be copied: all is in the logs. */
  get isDone(): boolean {
    return existsSync(join(this.#dir, 'done'))
  }

  /** Status of the command; `undefined` where the recorder was killed before it. */
  get exit(): number | undefined {
    const text = this.#text('exit')
    return text !== undefined && /^\d{1,3}\n$/.test(text) ? Number(text) : undefined
  }

  /** What passed of a stream that is only counted. */
  passed(name: 'in' | 'out'): Passed | undefined {
    const [, bytes] = /^(\d{1,16}) bytes? /m.exec(this.#text(`${name}.bytes`) ?? '') ?? []
    const sha256 = this.#text(`${name}.sha256`)?.slice(0, 64)
    if (bytes === undefined || !sha256 || !/^[0-9a-f]{64}$/.test(sha256)) return undefined
    return { bytes: Number(bytes), sha256 }
  }

  close(): void {
    for (const fd of Object.values(this.#fds)) closeSync(fd)
  }

  #text(name: string): string | undefined {
    try {
      return readFileSync(join(this.#dir, 'log', name), 'utf8')
    } catch {
      return undefined
    }
  }
}
