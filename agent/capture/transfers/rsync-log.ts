import { pathCharactersMax, type Transfer } from './transfer.ts'

// rsync's log on this host with the format '%o %l %f', behind its own time and pid:
//   2026/11/25 01:23:25 [2050] recv 573928 PATH
// Names that do not print are written as \#ooo by rsync itself.

const moved = /^\d{4}\/\d\d\/\d\d \d\d:\d\d:\d\d \[\d+\] (send|recv) (\d{1,16}) (.*)$/

/** `target` = the folder that the client sends to, of which received names are parts. */
export function transfersOfRsyncLine(line: string, target: string): Transfer[] {
  const match = moved.exec(line.trimEnd())
  if (!match || match[3]!.length > pathCharactersMax) return []
  const [, operation, bytes, name = ''] = match
  if (operation === 'send')
    return [
      {
        means: 'rsync',
        direction: 'host-to-client',
        path: `/${name}`.replace(/^\/+/, '/'),
        bytes: Number(bytes),
      },
    ]
  const folder = target.endsWith('/') || target === '' ? target : `${target}/`
  return [{ means: 'rsync', direction: 'client-to-host', path: `${folder}${name}`, bytes: Number(bytes) }]
}

/** Where the client sends to or takes from: the last word of `rsync --server … . PATH`. */
export function rsyncTarget(command: string): string {
  return command.trim().split(/\s+/).at(-1) ?? ''
}
