import { readFile } from 'node:fs/promises'

/** Where the limit cannot be read: half of the least that hosts grant a service. */
const unknownShare = 512

/** Half of the descriptors this process may have (Node has raised the soft limit to the hard one): the rest are sockets and readers. */
export async function descriptorShare(): Promise<number> {
  const limits = await readFile('/proc/self/limits', 'utf8').catch(() => '')
  const soft = /^Max open files +(\d+|unlimited)/m.exec(limits)?.[1]
  if (soft === 'unlimited') return Number.MAX_SAFE_INTEGER
  return soft === undefined ? unknownShare : Math.floor(Number(soft) / 2)
}
