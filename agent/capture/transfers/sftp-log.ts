import { pathCharactersMax, type Transfer } from './transfer.ts'

// What OpenSSH's sftp-server writes on stderr with -e -l INFO, a line for each file that was closed:
//   close "PATH" bytes read N written N
// The name may hold anything that prints, quotes too, so the numbers are taken from the end.

const closed = /^close "(.*)" bytes read (\d{1,16}) written (\d{1,16})$/

/** Files that were read or written; a file that was both is two transfers. */
export function transfersOfSftpLine(line: string): Transfer[] {
  const match = closed.exec(line.trimEnd())
  if (!match || match[1]!.length > pathCharactersMax) return []
  const path = match[1]!
  const [read, written] = [Number(match[2]), Number(match[3])]
  const transfers: Transfer[] = []
  if (read > 0 || written === 0)
    transfers.push({ means: 'sftp', direction: 'host-to-client', path, bytes: read })
  if (written > 0) transfers.push({ means: 'sftp', direction: 'client-to-host', path, bytes: written })
  return transfers
}
