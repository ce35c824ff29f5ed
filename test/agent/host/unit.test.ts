import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { cp, mkdir, mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import test from 'ava'

const run = promisify(execFile)
const root = join(import.meta.dirname, '../../..')
const analyze = '/usr/bin/systemd-analyze'
const possible = existsSync(analyze) && process.getuid?.() === 0
const withSystemd = possible ? test : test.skip
if (!possible) test.skip('units: needs systemd-analyze and root', () => undefined)

withSystemd('systemd takes the units of a host without a word', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'tapedeck-units-'))
  t.teardown(() => rm(folder, { recursive: true, force: true }))
  // Programs where the units expect them: systemd looks.
  const units = (await readdir(join(root, 'systemd'))).filter((name) => /\.(service|path|timer)$/.test(name))
  await mkdir(join(folder, 'units'))
  for (const unit of units) await cp(join(root, 'systemd', unit), join(folder, 'units', unit))
  const paths = units.map((unit) => join(folder, 'units', unit))
  const { stdout, stderr } = await run('unshare', [
    '--mount',
    'sh',
    '-c',
    `mount -t tmpfs tmpfs /opt && mkdir /opt/tapedeck && mount --bind ${root} /opt/tapedeck && exec ${analyze} verify --man=no "$@"`,
    'sh',
    ...paths,
  ])
  t.is(`${stdout}${stderr}`, '')
  t.true(units.includes('tapedeck-agent.service'))
})
