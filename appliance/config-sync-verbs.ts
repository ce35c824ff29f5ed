import type { Command } from 'commander'
import { homePaths } from './home.ts'

/** `tapedeck config-sync …`; its code is loaded when one of them is used. */
export function addConfigSyncVerbs(program: Command): void {
  const sync = program
    .command('config-sync')
    .description("Bring a node's configuration to the other nodes of its farm, in one signed file")
  const verb = (name: string, text: string) =>
    sync
      .command(name)
      .description(text)
      .option('--home <dir>', 'where this installation lies (default: ~/.tapedeck)')
      .option('--json', 'print JSON')
  const code = () => import('./config-sync/verbs.ts')

  verb('export', "Write what other nodes need: settings, certificate, the farm's keys, passwords")
    .argument('<file>')
    .option('--force', 'replace the file')
    .action(async (file, options) => (await code()).exportTo(homePaths(options.home), file, options))
  verb('import', 'Make this node like the one the file is of; shows what changes, keeps what was')
    .argument('<file>')
    .option('--farm-id <id>', 'on a machine that belongs to no farm yet: whose file it has to be')
    .option('--name <name>', 'of this node (default: as now, or the name of this host)')
    .option('--dry-run', 'only show what would change')
    .action(async (file, options) => (await code()).importFrom(homePaths(options.home), file, options))
  verb('add-lb-host', 'Let a balancer speak for its clients to this node')
    .argument('<address>', "the balancer's own address")
    .action(async (address, options) => (await code()).addBalancer(homePaths(options.home), address, options))
}
