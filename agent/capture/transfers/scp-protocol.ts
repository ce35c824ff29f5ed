import { pathCharactersMax, type Transfer } from './transfer.ts'

// The protocol of scp before it spoke sftp (`scp -t` and `scp -f` on the host; rcp of 4.2BSD), the side that sends:
//   C0644 SIZE NAME \n   a file; SIZE bytes and one zero follow
//   D0755 0 NAME \n      into a folder        E \n  out of it
//   T … \n               times of the next one       \0, \1TEXT\n, \2TEXT\n   answers and complaints
// Contents are passed over without being looked at.

/** A line of control is a name and a few numbers. */
const lineBytesMax = pathCharactersMax + 64

export class ScpParser {
  readonly #direction: Transfer['direction']
  #folders: string[]
  #line: number[] = []
  #contentLeft = 0
  #lost = false

  /** `root` = what the command names on this host: where files go, or what they are taken from. */
  constructor(direction: Transfer['direction'], root: string) {
    this.#direction = direction
    this.#folders = root === '' ? [] : [root]
  }

  /** False once bytes came that are not this protocol: nothing more is told then. */
  get follows(): boolean {
    return !this.#lost
  }

  push(bytes: Uint8Array): Transfer[] {
    const transfers: Transfer[] = []
    for (let at = 0; at < bytes.length && !this.#lost; ) {
      if (this.#contentLeft > 0) {
        const step = Math.min(this.#contentLeft, bytes.length - at)
        this.#contentLeft -= step
        at += step
        continue
      }
      const byte = bytes[at]!
      at += 1
      if (this.#line.length === 0 && byte === 0) continue
      if (byte !== 10) {
        this.#line.push(byte)
        this.#lost = this.#line.length > lineBytesMax
        continue
      }
      const transfer = this.#control(new TextDecoder().decode(Uint8Array.from(this.#line)))
      if (transfer) transfers.push(transfer)
      this.#line = []
    }
    return transfers
  }

  #control(line: string): Transfer | undefined {
    const match = /^([CD])[0-7]{4} (\d{1,15}) (.+)$/s.exec(line)
    if (match?.[1] === 'D') {
      this.#folders.push(match[3]!)
      return undefined
    }
    if (line === 'E') {
      this.#folders.pop()
      return undefined
    }
    if (match) {
      const size = Number(match[2])
      this.#contentLeft = size
      return { means: 'scp', direction: this.#direction, path: this.#pathOf(match[3]!), bytes: size }
    }
    this.#lost = !/^[T\u0001\u0002]/.test(line)
    return undefined
  }

  #pathOf(name: string): string {
    return [...this.#folders, name].join('/').replace(/\/{2,}/g, '/')
  }
}

/** The path that `scp -t PATH` or `scp -f PATH` names. */
export function scpTarget(command: string): string {
  return command.trim().split(/\s+/).at(-1) ?? ''
}
