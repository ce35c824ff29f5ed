import { eventually } from './eventually.ts'
import { openTestHost, type Scope, type TestHost } from './test-host.ts'

// A host whose user ada is recorded, without an agent: what the recorder keeps lies in its logs.

export interface RecordedHost extends TestHost {
  /** All output of all sessions so far, as the recorder has it. */
  recorded(): Promise<string>
  /** Runs a shell script as ada, logged in by ssh on a terminal; returns what she saw. */
  asAda(script: string, options?: { user?: string; ssh?: string[] }): Promise<string>
}

export async function openRecordedHost(
  t: Scope,
  options: {
    users?: string
    accounts?: string[]
    enable?: string[]
    shell?: string
    sshd?: Record<string, string>
  } = {},
): Promise<RecordedHost> {
  const host = await openTestHost(t)
  await host.addUser('ada', { shell: options.shell ?? '/bin/bash', password: 'correct-horse' })
  for (const name of ['eve', ...(options.accounts ?? [])]) await host.addUser(name)
  const enabled = await host.tapedeck(
    'host',
    'enable',
    '--users',
    options.users ?? 'ada',
    ...(options.enable ?? []),
  )
  if (enabled.status !== 0) throw new Error(enabled.stderr)
  // What was tried by `enable` ends a moment after it.
  await eventually(() =>
    host.sh(
      'umount /run/tapedeck/run/*/log /run/tapedeck/run/*/time 2>/dev/null; rm -rf /run/tapedeck/run/*',
    ),
  )
  await host.startSshd(options.sshd)
  return {
    ...host,
    recorded: async () =>
      (
        await host.run([
          'sh',
          '-c',
          'cat /run/tapedeck/run/*/log/out /run/tapedeck/run/*/log/err 2>/dev/null',
        ])
      ).stdout.toString(),
    async asAda(script, { user = 'ada', ssh = [] } = {}) {
      const pty = host.pty(host.ssh(user, '-tt', ...ssh, '--'))
      await eventually(() => {
        if (!/[$%>#] ?(\u001b\[[^m]*[a-zA-Z]|\u001b\][^\u0007]*\u0007)*$/.test(pty.output().toString()))
          throw new Error(`No prompt: ${pty.output()}`)
      })
      // Typed in one line; its end is marked by what only running it prints.
      pty.write(`${script.trim().replaceAll('\n', '; ')}; echo do''ne\r`)
      await pty.waitFor('done')
      pty.write('exit\r')
      await pty.ended()
      return pty.output().toString()
    },
  }
}
