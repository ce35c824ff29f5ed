import { Command, CommanderError, Option } from 'commander'
import { addAgentVerbs } from './agent-verbs.ts'
import { CommandError } from './command-error.ts'
import { addConfigSyncVerbs } from './config-sync-verbs.ts'
import { addDbVerbs } from './db-verbs.ts'
import { agentHomePaths, homePaths } from './home.ts'
import { addHostVerbs } from './host-verbs.ts'
import { addInstallVerbs } from './install-verbs.ts'
import { addLbVerbs } from './lb-verbs.ts'
import { clockTime, numberBetween } from './number-option.ts'
import { escapeControls } from './print.ts'
import { withClient, withServerOptions } from './with-client.ts'

// The `tapedeck` command. A verb's code is loaded when it is used: the agent's start should not wait for the player's.

const program = new Command('tapedeck')
  .description('Records terminal sessions, shows them, and proves them.')
  .addHelpText('after', "\n'tapedeck record -- COMMAND' records a command, or your shell without one.")
  .showHelpAfterError("'--help' says more.")
  .exitOverride()

function verb(name: string, description: string): Command {
  return program
    .command(name)
    .description(description)
    .option('--home <dir>', 'where this installation lies (default: ~/.tapedeck)')
    .option('--json', 'print JSON')
}

function serverVerb(name: string, description: string): Command {
  return withServerOptions(verb(name, description))
}

verb('up', 'Start a node and an agent on this machine, as the current user')
  .addOption(
    new Option('--port <n>', 'port of the pages and the API; 0 = a free one')
      .argParser(numberBetween(0, 65_535, 'whole'))
      .default(8443),
  )
  .option('--no-sample', 'record no sample session into an empty store')
  .action(async (options) => (await import('./up.ts')).up(homePaths(options.home), options))

program
  .command('record')
  .description('Record a command (or your shell) on this terminal')
  .argument('[command...]')
  .action(() => {
    throw new CommandError(
      'launcher',
      "'record' runs without Node.",
      "Start it with the launcher: './tapedeck record -- COMMAND'.",
      2,
    )
  })

serverVerb('list', 'List recordings, newest first')
  .option('--user <name>')
  .option('--host <name>')
  .option('--application <name>')
  .option('--state <state>', 'live, complete or dormant')
  .option('--from <time>', 'started at or after, ISO 8601')
  .option('--to <time>', 'started before, ISO 8601')
  .option('--limit <n>', 'at most so many', numberBetween(1, 1_000_000, 'whole'), 50)
  .action((options) =>
    withClient(options, async (_, client) => {
      const { home: _home, server: _server, tokenFile: _token, ca: _ca, ...filters } = options
      await (await import('./list.ts')).list(await client(), filters)
    }),
  )

serverVerb('show', 'Show all that is known of a recording')
  .argument('<id>')
  .action((id, options) =>
    withClient(options, async (_, client) => (await import('./show.ts')).show(await client(), id, options)),
  )

serverVerb('play', 'Play a recording on this terminal')
  .argument('<id-or-file>')
  .option('--speed <n>', '0.25 to 32', numberBetween(0.25, 32), 1)
  .option('--idle <seconds>', 'wait no longer than this where nothing happens', numberBetween(0, 86_400))
  .action((target, options) =>
    withClient(options, async (_, client) => (await import('./play.ts')).play(target, client, options)),
  )

serverVerb(
  'export',
  "Write a recording's timeline as asciicast v2, a desktop's screen as FBS, or draw either as gif, mp4 or png",
)
  .argument('<id-or-file>')
  .option('--out <file>', 'instead of the standard output')
  .addOption(
    new Option('--format <format>', "default: as the file's name ends, else cast").choices([
      'cast',
      'fbs',
      'gif',
      'mp4',
      'png',
    ]),
  )
  .option('--exact', 'cast: keep bytes that are no UTF-8 (asciinema reads them; strict players do not)')
  .option('--at <time>', 'png: the moment, [[hours:]minutes:]seconds (default: the end)', clockTime)
  .option('--idle <seconds>', 'gif, mp4: cut idle time to this', numberBetween(0, 86_400))
  .option('--speed <n>', 'gif, mp4: 0.25 to 32', numberBetween(0.25, 32))
  .option('--no-clock', 'gif, mp4, png: leave out the line with the time')
  .action((target, options) =>
    withClient(options, async (_, client) =>
      (await import('./export.ts')).exportRecording(target, client, options),
    ),
  )

serverVerb('import', 'Import asciicast files or recordings')
  .argument('<files...>')
  .action((files, options) =>
    withClient(options, async (_, client) =>
      (await import('./import.ts')).importFiles(await client(), files, options),
    ),
  )

serverVerb('reindex', 'Make the indexes of recordings anew: pictures to seek from, posters, activity')
  .argument('[ids...]')
  .option('--all', 'of all that have ended')
  .action((ids, options) =>
    withClient(options, async (_, client) =>
      (await import('./reindex.ts')).reindex(await client(), ids, options),
    ),
  )

serverVerb(
  'verify',
  'Prove a recording: who signed it, what is whole, what is missing; exit 1 if not whole, 2 if unknown',
)
  .argument('<id-or-file>')
  .option('--farm-key <file>', "the farm's public key, PEM, for a file")
  .action((target, options) =>
    withClient(options, async (home, client) => {
      const { verify } = await import('./verify.ts')
      if (!(await verify(target, home, client, options))) process.exitCode = 1
    }),
  )

serverVerb('delete', 'Delete recordings for good')
  .argument('<ids...>')
  .option('--force', 'do not ask')
  .action((ids, options) =>
    withClient(options, async (_, client) =>
      (await import('./delete.ts')).deleteRecordings(await client(), ids, options),
    ),
  )

serverVerb('link', 'Print a sign-in link that works once, within 15 minutes')
  .argument('[user]', 'whom it signs in (default: yourself)')
  .action((user, options) =>
    withClient(options, async (_, client) => (await import('./link.ts')).link(await client(), user, options)),
  )

verb('status', "Show the agent's queue, connection and live sessions").action(async (options) =>
  (await import('./status.ts')).status(agentHomePaths(options.home), options),
)

verb('doctor', 'Look at every part of Tapedeck on this machine, and say what to do')
  .option('--farm <file>', 'of a balancer: what the farm is (default: /etc/tapedeck/farm.json)')
  .option('--config <file>', 'of a balancer: haproxy.cfg (default: /etc/haproxy/haproxy.cfg)')
  .action(async (options) => (await import('./doctor.ts')).doctor(homePaths(options.home), options))

program
  .command('size')
  .description('Say how large a farm has to be: nodes, disk, database')
  .requiredOption('--sessions <n>', 'recorded at the same time, at work', numberBetween(1, 10_000_000))
  .requiredOption('--mb <n>', 'of one session, MB', numberBetween(0.001, 1_000_000))
  .requiredOption('--hours <n>', 'that a session lasts', numberBetween(0.01, 744))
  .option('--months <n>', 'that recordings are kept', numberBetween(0.1, 1200), 1)
  .option('--events <n>', 'of one session', numberBetween(0, 1_000_000), 0)
  // A share on one turning disk. Faster ones are measured.
  .option('--node-mb-per-s <n>', 'what a node takes in and syncs', numberBetween(0.1, 100_000), 20)
  .option('--measure <dir>', 'measure it there instead, for 5 s: a folder of the store')
  .option('--json', 'print JSON')
  .action(async ({ mb: megabytes, ...options }) =>
    (await import('./size.ts')).size({ megabytes, ...options }),
  )

addAgentVerbs(program)
addHostVerbs(program)
addLbVerbs(program)
addDbVerbs(program)
addConfigSyncVerbs(program)
addInstallVerbs(program)

// A reader that goes away (a pager, head) ends us quietly.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE')
    report(new CommandError('output', `The standard output cannot be written: ${error.message}.`))
  process.exit(error.code === 'EPIPE' ? 0 : 1)
})

try {
  await program.parseAsync()
} catch (error) {
  // Commander has said itself what was wrong with the command line.
  if (error instanceof CommanderError) process.exitCode = error.exitCode === 0 ? 0 : 2
  else report(error as Partial<CommandError> & Error)
}

function report(error: Partial<CommandError> & Error): void {
  const { message, hint = '', code = 'failed', exitCode = 1 } = error
  process.stderr.write(
    `tapedeck: ${escapeControls(message)} [${code}]\n${hint ? `  ${escapeControls(hint)}\n` : ''}`,
  )
  if (!(error instanceof CommandError) && process.env.TAPEDECK_DEBUG) process.stderr.write(`${error.stack}\n`)
  process.exitCode = exitCode
}
