import { execFile } from 'node:child_process'
import { rm, writeFile } from 'node:fs/promises'
import { promisify } from 'node:util'
import { HostError, hostPaths, recorder } from './host-paths.ts'
import type { UndoList } from './undo-list.ts'

const run = promisify(execFile)

/** That one command, as root, without arguments; each default with its reason. */
export const sudoRule = `# Written by \`tapedeck host enable\`; \`tapedeck host disable\` removes it.
# Without a PAM session, log or terminal of its own sudo becomes the recorder in the same process and does not stay.
Defaults!${recorder} !use_pty, !pam_session, !pam_setcred, !log_input, !log_output
# A login has no password to type, no terminal to have when it is a command, and nothing to be lectured about.
Defaults!${recorder} !authenticate, !requiretty, !lecture
# The session keeps the groups and the umask that PAM gave it.
Defaults!${recorder} preserve_groups, umask=0777
# One pipe carries the user's environment past root to the user's side.
Defaults!${recorder} closefrom_override
# What the recorder may know of the session; it takes them for text.
Defaults!${recorder} env_keep="TERM SSH_CONNECTION TAPEDECK_COMMAND"
ALL ALL=(root) NOPASSWD: ${recorder} ""
`

/** Puts the rule in place, checked alone and together with the rest. Throws HostError `sudoers`. */
export async function installSudoRule(undo: UndoList): Promise<void> {
  const trial = `${hostPaths.conf}/sudoers.trial`
  await writeFile(trial, sudoRule, { mode: 0o440 })
  try {
    await visudo(['-c', '-f', trial])
  } finally {
    await rm(trial, { force: true })
  }
  await undo.replace(hostPaths.sudoers, sudoRule, 0o440)
  await visudo(['-c'])
}

async function visudo(args: string[]): Promise<void> {
  try {
    await run('visudo', args)
  } catch (error) {
    const { stdout = '', stderr = '' } = error as { stdout?: string; stderr?: string }
    throw new HostError(
      'sudoers',
      `visudo does not accept the rule for the recorder: ${`${stdout} ${stderr}`.trim()}`,
      'Look into /etc/sudoers and /etc/sudoers.d.',
    )
  }
}
