import { disableHost } from '../agent/host/disable.ts'
import { enableHost } from '../agent/host/enable.ts'
import { HostError, hostPaths } from '../agent/host/host-paths.ts'
import { type HostSettings, hostDefaults, hostSettings, parseHostConf } from '../agent/host/host-settings.ts'
import { hostStatus } from '../agent/host/status.ts'
import { contentOf } from '../agent/host/undo-list.ts'
import { CommandError } from './command-error.ts'
import { fields, table } from './print.ts'

// `tapedeck host`: every login of a host recorded, or no more.

export async function enable(options: Record<string, unknown>): Promise<void> {
  await asRoot(async () => {
    const settings = hostSettings(options, await settingsNow())
    const { recorded, released } = await enableHost(settings)
    if (options.json) return print({ recorded, released })
    process.stdout.write(
      table(
        ['USER', 'SHELL', 'BARRIER'],
        recorded.map(({ name, shell, barrier }) => [name, shell, barrier]),
      ),
    )
    if (released.length > 0) process.stdout.write(`No longer recorded: ${released.join(', ')}.\n`)
    process.stdout.write(
      `Whoever of them logs in from now on is recorded. 'tapedeck doctor' names the ways around that remain.\n`,
    )
  })
}

/** Enables again with the settings of before: new members of groups, scripts of a new version. */
export async function sync(options: Record<string, unknown>): Promise<void> {
  if ((await contentOf(hostPaths.hostConf)) === undefined)
    throw new CommandError(
      'not-enabled',
      'No login is recorded on this host.',
      "Use 'tapedeck host enable' first.",
    )
  await enable({ json: options.json })
}

export async function disable(options: { json?: boolean }): Promise<void> {
  await asRoot(async () => {
    const released = await disableHost()
    if (options.json) return print({ released })
    process.stdout.write(
      released.length === 0
        ? 'Nobody was recorded.\n'
        : `No longer recorded: ${released.join(', ')}. Sessions that run are recorded to their end.\n`,
    )
  })
}

export async function status(options: { json?: boolean }): Promise<void> {
  const state = await hostStatus()
  if (options.json) return print(state)
  if (!state.enabled) {
    process.stdout.write("No login is recorded on this host. 'tapedeck host enable --users NAMES' begins.\n")
    return
  }
  const { onError, onRecorderFailure, acknowledge } = state.settings!
  process.stdout.write(
    fields([
      ['nobody decides', onError],
      ['recorder fails', onRecorderFailure],
      ['acknowledge', acknowledge],
    ]),
  )
  process.stdout.write(
    table(
      ['USER', 'SHELL', 'BARRIER', 'RECORDED'],
      state.accounts.map(({ name, shell, barrier, recorded, why }) => [
        name,
        shell,
        barrier,
        recorded ? 'yes' : `NO: ${why}`,
      ]),
    ),
  )
  for (const problem of state.problems) process.stdout.write(`${problem}\n`)
  if (state.problems.length > 0 || state.accounts.some(({ recorded }) => !recorded)) process.exitCode = 1
}

/** Of host.conf, or what a host begins with. */
export async function settingsNow(): Promise<HostSettings> {
  const text = await contentOf(hostPaths.hostConf)
  return text === undefined ? hostDefaults : parseHostConf(text)
}

async function asRoot(work: () => Promise<void>): Promise<void> {
  if (process.getuid?.() !== 0)
    throw new CommandError('root', 'This changes the host, so it needs root.', 'Run it with sudo.', 2)
  try {
    await work()
  } catch (error) {
    if (error instanceof HostError) throw new CommandError(error.code, error.message, error.hint)
    throw error
  }
}

function print(value: unknown): void {
  process.stdout.write(`${JSON.stringify(value)}\n`)
}
