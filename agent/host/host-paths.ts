/** Where a recorded host has what is Tapedeck's. The scripts in capture/host know the same names. */
export const hostPaths = {
  lib: '/usr/local/lib/tapedeck',
  conf: '/etc/tapedeck',
  hostConf: '/etc/tapedeck/host.conf',
  shells: '/etc/tapedeck/shells',
  notices: '/etc/tapedeck/notices',
  run: '/run/tapedeck',
  /** Copies of what was there before. */
  backup: '/var/lib/tapedeck/host/before',
  sudoers: '/etc/sudoers.d/zz-tapedeck',
  sshdConfig: '/etc/ssh/sshd_config',
  sshdFolder: '/etc/ssh/sshd_config.d',
  sshdDropIn: '/etc/ssh/sshd_config.d/00-tapedeck.conf',
  agentHome: '/var/lib/tapedeck/agent',
} as const

export const loginShell = `${hostPaths.lib}/login-shell`
export const recorder = `${hostPaths.lib}/recorder`
export const forcedCommand = `${hostPaths.lib}/forced`

/** What cannot be done to this host. `code` is stable; `hint` says what to do; nothing was changed, or all was undone. */
export class HostError extends Error {
  readonly code: string
  readonly hint: string

  constructor(code: string, text: string, hint = '') {
    super(text)
    this.name = 'HostError'
    this.code = code
    this.hint = hint
  }
}
