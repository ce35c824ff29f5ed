import { randomNumbers } from './random-numbers.ts'

/** Text as a terminal prints it when somebody reads a server's log: lines of 60 to 160 characters that are never the same. */
export function logText(bytes: number): Buffer {
  const random = randomNumbers(1)
  const pick = <T>(from: readonly T[]) => from[Math.floor(random() * from.length)]!
  const piece: string[] = []
  let size = 0
  for (let ms = Date.UTC(2026, 0, 5, 8); size < pieceBytes; ms += Math.floor(random() * 900)) {
    const text = Array.from({ length: 4 + Math.floor(random() * 10) }, () => pick(words)).join(' ')
    const line = `${new Date(ms).toISOString()} ${pick(levels)} ${pick(parts)}[${Math.floor(random() * 32768)}]: ${text} id=${Math.floor(random() * 2 ** 32).toString(16)}\n`
    piece.push(line)
    size += line.length
  }
  return Buffer.alloc(bytes, piece.join(''))
}

/** Repeating it after this much gains a compressor nothing: its window is 128 KiB. */
const pieceBytes = 1024 * 1024
const levels = ['INFO ', 'INFO ', 'INFO ', 'DEBUG', 'WARN ', 'ERROR']
const parts = ['sshd', 'kernel', 'systemd', 'postgres', 'haproxy', 'cron', 'backup', 'nginx']
const words =
  'accepted closed connection from for session user root opened by port timeout while reading response header upstream client server request host started finished checkpoint complete wrote buffers removed added recycled segment device link is up down renewed lease unit reached target failed with status retry queue flushed cache miss slow query duration ms'.split(
    ' ',
  )
