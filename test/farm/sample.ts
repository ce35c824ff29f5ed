import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import type { FarmHost } from './farm-host.ts'

const terminal = fileURLToPath(new URL('../helpers/terminal.py', import.meta.url))
const sample = fileURLToPath(new URL('../../appliance/sample-session.sh', import.meta.url))

/** Records a short session on a host, so that there is something to look at. It ends with us. */
export function startSample(host: FarmHost): void {
  // Its terminal goes when our end of this pipe does.
  const child = spawn('python3', [terminal, '80', '24', ...host.recordCommand('sh', sample)], {
    stdio: ['pipe', 'ignore', 'inherit'],
    detached: true,
    env: { ...process.env, SHELL: '/bin/bash', TERM: 'xterm-256color', LANG: 'C.UTF-8' },
  })
  child.unref()
}
