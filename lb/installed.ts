import { readFile } from 'node:fs/promises'
import { parseConfig } from './config-text.ts'
import { LbError } from './lb-error.ts'
import { generatedBy } from './render-haproxy.ts'

/** What the verbs need to know of the configuration that HAProxy runs, without the farm file. */
export interface Installed {
  runtimeSocket: string
  /** By node, the servers that stand for it: `nodes/node-1`. */
  servers: Map<string, string[]>
}

export async function readInstalled(path: string): Promise<Installed> {
  let text: string
  try {
    text = await readFile(path, 'utf8')
  } catch (error) {
    throw new LbError(
      'lb-config',
      `${path} cannot be read: ${(error as Error).message}`,
      'Name the file with --config, or write it with `tapedeck lb apply`.',
      error,
    )
  }
  const installed = parseInstalled(text)
  if (installed) return installed
  throw new LbError('lb-config', `${path} was not written by Tapedeck.`, 'Write it with `tapedeck lb apply`.')
}

/** `undefined` for a file of somebody else. */
export function parseInstalled(text: string): Installed | undefined {
  if (!text.startsWith(`# ${generatedBy}`)) return undefined
  const { sections } = parseConfig(text)
  const socket = sections
    .find(({ words }) => words[0] === 'global')
    ?.directives.find(({ words }) => words[0] === 'stats' && words[1] === 'socket')?.words[2]
  if (socket === undefined) return undefined
  const servers = new Map<string, string[]>()
  for (const { words, directives } of sections) {
    if (words[0] !== 'backend') continue
    for (const { words: line } of directives)
      if (line[0] === 'server')
        servers.set(line[1]!, [...(servers.get(line[1]!) ?? []), `${words[1]}/${line[1]}`])
  }
  return { runtimeSocket: socket, servers }
}
