import type { Command } from 'commander'
import { places } from './install/places.ts'
import { numberBetween } from './number-option.ts'

// `tapedeck lb …`, as commander wants it. What the verbs do is in lb.ts and lb-running.ts.

export function addLbVerbs(program: Command): void {
  const lb = program.command('lb').description("Run a farm's balancer: HAProxy, from one file about the farm")
  const verb = (name: string, description: string) =>
    lb.command(name).description(description).option('--json', 'print JSON')
  const ofFarm = (name: string, description: string) =>
    verb(name, description)
      .option('--farm <file>', 'what the farm is', places.farmFile)
      .option(
        '--balancer <name>',
        'which of its balancers; by default the only one, the one installed here, or the one named as this host',
      )
  const ofRunning = (name: string, description: string) =>
    verb(name, description).option('--config <file>', 'the configuration HAProxy runs', places.haproxyConfig)
  const code = () => import('./lb.ts')
  const running = () => import('./lb-running.ts')

  ofFarm('render', 'Print haproxy.cfg')
    .option('--keepalived', 'print keepalived.conf instead')
    .action(async (options) => (await code()).render(options))

  ofFarm('check', 'Prove that HAProxy takes the configuration, and that each node takes this balancer')
    .option('--offline', 'ask no node')
    .action(async (options) => {
      if (!(await (await code()).check(options))) process.exitCode = 1
    })

  ofFarm('apply', 'Put haproxy.cfg in force without refusing a connection; the old one stays if it fails')
    .option('--config <file>', 'haproxy.cfg', places.haproxyConfig)
    .option('--master-socket <path>', "HAProxy's own, as `haproxy -W -S` was given it", places.haproxyMaster)
    .option('--reload', 'reload also if the file stays as it is: a certificate was renewed')
    .option('--no-reload', 'only write the file: HAProxy is not started yet')
    .option('--keepalived <file>', 'write keepalived.conf there too, and have it read')
    .option('--keepalived-pid <file>', 'where keepalived writes its process id', places.keepalivedPid)
    .action(async (options) => (await code()).apply(options))

  ofRunning('status', 'Show nodes, connections and the other balancers').action(async (options) =>
    (await running()).status(options),
  )

  ofRunning('drain', 'Send nobody new to a node; open connections go on')
    .argument('<node>')
    .action(async (node, options) => (await running()).drain(node, options))

  ofRunning('ready', 'Send people and agents to a node again')
    .argument('<node>')
    .action(async (node, options) => (await running()).ready(node, options))

  ofRunning('wait', 'Wait until a node is up')
    .argument('<node>')
    .option('--seconds <n>', 'at most', numberBetween(1, 3600), 120)
    .action(async (node, options) => (await running()).wait(node, options))

  const ofFile = (name: string, description: string) =>
    verb(name, description).option('--farm <file>', 'what the farm is', places.farmFile)
  ofFile('add-node', "Add a node to the farm file; 'apply' puts it in force")
    .argument('<name>')
    .argument('<address>')
    .action(async (name, address, options) => (await import('./lb-nodes.ts')).addNode(name, address, options))
  ofFile('remove-node', "Remove a node from the farm file; 'apply' puts it in force")
    .argument('<name>')
    .action(async (name, options) => (await import('./lb-nodes.ts')).removeNode(name, options))

  // The unit's, for pm2.
  lb.command('watch', { hidden: true })
    .option('--config <file>', 'the configuration HAProxy runs', places.haproxyConfig)
    .action(async (options) => (await import('./lb-watch.ts')).watch(options))
}
