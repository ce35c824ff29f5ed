import type { Command } from 'commander'
import { type Client, openClient, type ServerOptions } from './client.ts'
import { type Home, homePaths } from './home.ts'

export interface CommonOptions extends ServerOptions {
  home?: string
  json?: boolean
}

/** The options of every verb that asks a server. */
export function withServerOptions(command: Command): Command {
  return command
    .option('--server <url>', 'a server other than this home’s own')
    .option('--token-file <file>', 'API token for it (or TAPEDECK_TOKEN)')
    .option('--ca <file>', 'certificate authority of it, PEM')
}

/** Runs with a client that is opened when asked for, and closed at the end. */
export async function withClient(
  options: CommonOptions,
  run: (home: Home, client: () => Promise<Client>) => Promise<void>,
): Promise<void> {
  const home = homePaths(options.home)
  let opened: Client | undefined
  try {
    await run(home, async () => {
      opened ??= await openClient(home, options)
      return opened
    })
  } finally {
    opened?.close()
  }
}
