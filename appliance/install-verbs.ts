import { type Command, Option } from 'commander'
import { places } from './install/places.ts'
import { roles } from './install/roles.ts'
import { numberBetween } from './number-option.ts'

const several = (value: string, before: string[] | undefined) => [...(before ?? []), value]

/** `tapedeck install` and `uninstall`; their code is loaded when they are used. */
export function addInstallVerbs(program: Command): void {
  const port = (flags: string, text: string) =>
    new Option(flags, text).argParser(numberBetween(0, 65_535, 'whole'))

  program
    .command('install')
    .description('Make this machine a node, balancer, recorded host, or node and host in one (as root)')
    .argument('<role>', roles.join(', '))
    .option(
      '--no-identity',
      'for an image: programs, no keys; the same command without it completes the machine',
    )
    .option('--no-db-check', 'ask and change no database, Redis or node now')
    .option('--no-start', 'start it at the next boot')
    .option('--log <file>', 'what was done, with times', places.log)
    .option('--json', 'print JSON')
    .optionsGroup('Of a node:')
    .option('--name <name>', 'of this node in the farm (default: this host’s)')
    .option('--listen <address>', 'address to listen at (default: 0.0.0.0)')
    .addOption(port('--https-port <n>', 'for pages, API and agents (default: 443)'))
    .addOption(port('--agent-port <n>', 'for agents alone (default: 1801)'))
    .option('--public-url <url>', 'https://HOST under which people reach the farm')
    .option(
      '--catalog <connection>',
      'postgres://USER@HOST,HOST/DATABASE?passwordFile=/PATH (default: a file)',
    )
    .option('--store <dir>', 'where recordings lie; may be repeated (default: in its home)', several)
    .option('--redis <url>', 'redis://HOST:PORT of the farm')
    .option('--redis-password-file <file>')
    .option('--lb-host <address>', 'a balancer of the farm; may be repeated', several)
    .option('--workers <n>', 'processes (default: cores, at most 4)', numberBetween(1, 64, 'whole'))
    .option('--monitor <address>', 'may read /metrics; may be repeated', several)
    .option('--tls-cert <file>', 'certificate that names the farm and its nodes, PEM (default: one is made)')
    .option('--tls-key <file>', 'its key')
    .option(
      '--policy <name>',
      'recording policy to begin with, as entire-with-notification (default: do not record)',
    )
    .option('--import <file>', "join a farm: what 'tapedeck config-sync export' wrote")
    .option('--farm-id <id>', 'whose file it has to be')
    .optionsGroup('Of an agent:')
    .option('--server <host>', 'name or address of the farm (default: as before, or localhost)')
    .option('--protocol <name>', 'https or http', 'https')
    .addOption(port('--port <n>', "of the farm; 0 = the protocol's own").default(0))
    .option('--token <token>', 'enrolment token')
    .option('--token-file <file>', 'file that has it')
    .option('--ca <file>', "authority of the farm's certificate, PEM; else the token vouches for it")
    .option(
      '--users <names>',
      "record the logins of these, with commas; * = everybody ('tapedeck host enable')",
    )
    .option('--groups <names>', 'record the members of these')
    .optionsGroup('Of a balancer:')
    .option('--farm <file>', 'what the farm is (default: /etc/tapedeck/farm.json)')
    .option('--balancer <name>', 'which of its balancers this is')
    .action(async (role, options) => (await import('./install.ts')).install(role, options))

  program
    .command('uninstall')
    .description('Take Tapedeck, or one role, from this machine (as root)')
    .argument('[role]', roles.join(', '))
    .option('--keep-data', 'keep keys, configuration, catalog, recordings and queue')
    .option('--force', 'do not ask; lose what was not sent')
    .option('--log <file>', 'what was done, with times', places.log)
    .option('--json', 'print JSON')
    .action(async (role, options) => (await import('./install.ts')).uninstall(role, options))
}
