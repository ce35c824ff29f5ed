import type { Command } from 'commander'

/** `tapedeck host …`; its code is loaded when one of them is used. */
export function addHostVerbs(program: Command): void {
  const host = program.command('host').description('Record every login of this host, or no more (as root)')
  const verb = (name: string, text: string) =>
    host.command(name).description(text).option('--json', 'print JSON')
  const withSettings = verb('enable', 'Record the logins of users and groups from now on')
  withSettings
    .option('--users <names>', 'with commas; * = everybody with a login shell and a uid from 1000')
    .option('--groups <names>', 'members of these groups')
    .option('--except <names>', 'never these')
    .option('--force-command <names>', 'these by sshd alone, leaving their shell; they can get around it')
    .option('--on-error <what>', `a session nobody can decide on: record, skip, deny (record)`)
    .option(
      '--on-recorder-failure <what>',
      `deny or allow a login that cannot be recorded (deny; root always gets in)`,
    )
    .option('--acknowledge <how>', `who is told must: off, ask (press Enter), require (say yes) (off)`)
    .option('--capture-buffer <MiB>', `output of one session that may wait in memory (64)`)
    .action(async ({ captureBuffer, ...options }) =>
      (await import('./host.ts')).enable({ ...options, captureBufferMiB: captureBuffer }),
    )
  verb('sync', 'Enable again as before: new group members, a new version').action(async (options) =>
    (await import('./host.ts')).sync(options),
  )
  verb('disable', 'Record no login any more, and leave no trace').action(async (options) =>
    (await import('./host.ts')).disable(options),
  )
  verb('status', 'Show who is recorded, and what is not as it should be').action(async (options) =>
    (await import('./host.ts')).status(options),
  )
}
