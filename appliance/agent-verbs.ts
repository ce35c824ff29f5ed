import type { Command } from 'commander'
import { homePaths } from './home.ts'
import { places } from './install/places.ts'
import { type CommonOptions, withClient, withServerOptions } from './with-client.ts'

/** `tapedeck agent …`; its code is loaded when one of them is used. */
export function addAgentVerbs(program: Command): void {
  const agent = program.command('agent').description('Enrol hosts, list and revoke their agents')
  const verb = (name: string, text: string) =>
    agent.command(name).description(text).option('--json', 'print JSON')
  const serverVerb = (name: string, text: string) =>
    withServerOptions(verb(name, text)).option(
      '--home <dir>',
      'where this installation lies (default: ~/.tapedeck)',
    )

  serverVerb('token', 'Make an enrolment token')
    .option('--uses <n>', 'hosts that may enrol with it', '1')
    .option('--expires <seconds>', 'how long it is good', '3600')
    .action((options: CommonOptions & { uses: string; expires: string }) =>
      withClient(options, async (_, client) =>
        (await import('./agent.ts')).makeToken(await client(), options),
      ),
    )
  serverVerb('list', 'List agents').action((options: CommonOptions) =>
    withClient(options, async (_, client) =>
      (await import('./agent.ts')).listAgents(await client(), options),
    ),
  )
  serverVerb('revoke', 'Let agents send nothing more')
    .argument('<ids...>')
    .action((ids: string[], options: CommonOptions) =>
      withClient(options, async (_, client) =>
        (await import('./agent.ts')).revokeAgents(await client(), ids, options),
      ),
    )
  verb('enrol', 'Give this host an identity of its farm (as root)')
    .requiredOption('--server <url>', 'https://HOST:PORT of the farm')
    .option('--token <token>', 'enrolment token')
    .option('--token-file <file>', 'file that has it')
    .option('--ca <file>', 'authority of the farm’s certificate, PEM; else the token vouches for it')
    .option('--home <dir>', 'where this installation lies', places.agentHome)
    .action(async ({ home, ...options }) =>
      (await import('./agent.ts')).enrolHere(homePaths(home).agent, {
        ...options,
        wholeHost: home === places.agentHome,
      }),
    )
  verb('generalize', 'Take the identity away, to make an image of this host (as root)')
    .option('--token <token>', 'for the first start of each host made from the image')
    .option('--home <dir>', 'where this installation lies', places.agentHome)
    .action(async ({ home, ...options }) =>
      (await import('./agent.ts')).generalizeHere(homePaths(home).agent, options),
    )
  agent
    .command('metrics')
    .description("Print what Prometheus wants of this host's agent, for node_exporter's textfile folder")
    .option('--home <dir>', 'where this installation lies', places.agentHome)
    .action(async ({ home }) => {
      process.stdout.write(await (await import('./agent-metrics.ts')).agentMetrics(homePaths(home)))
    })
}
