import { existsSync } from 'node:fs'
import { readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { contentOf } from '../../agent/host/undo-list.ts'
import { replaceFile } from '../../disk/atomic-replace.ts'
import { makeFolder } from '../../disk/folder.ts'
import { places } from './places.ts'
import { type Part, startedOf, unitsOf } from './roles.ts'
import { runCommand } from './run-command.ts'

const folder = join(import.meta.dirname, '../../systemd')

/** False in an image that is being made, and in a container without systemd. */
export function systemdRuns(): boolean {
  return existsSync('/run/systemd/system')
}

/** Puts a part's units in place and has them started at boot. Returns whether anything changed. */
export async function installUnits(part: Part): Promise<boolean> {
  let changed = false
  for (const unit of unitsOf[part]) changed = (await place(unit, join(places.units, unit))) || changed
  if (part === 'agent') {
    await place('tapedeck.tmpfiles.conf', places.tmpfiles)
    await runCommand('systemd-tmpfiles', '--create', places.tmpfiles)
  }
  await place('tapedeck.logrotate', places.logRotation)
  if (changed && systemdRuns()) await runCommand('systemctl', 'daemon-reload')
  await runCommand('systemctl', 'enable', '--quiet', ...startedOf[part])
  return changed
}

/** `changed`: what runs is of before. Resolves when it is ready. */
export async function startUnits(part: Part, changed: boolean): Promise<void> {
  await runCommand('systemctl', changed ? 'restart' : 'start', ...startedOf[part])
}

export async function removeUnits(part: Part): Promise<void> {
  const there = unitsOf[part].filter((unit) => existsSync(join(places.units, unit)))
  if (there.length === 0) return
  await runCommand('systemctl', 'disable', '--quiet', ...there)
  if (systemdRuns()) await runCommand('systemctl', 'stop', ...there)
  for (const unit of there) await rm(join(places.units, unit))
  if (part === 'agent') await rm(places.tmpfiles, { force: true })
  if (systemdRuns()) await runCommand('systemctl', 'daemon-reload')
}

export function isInstalled(part: Part): boolean {
  return existsSync(join(places.units, unitsOf[part][0]!))
}

async function place(name: string, path: string): Promise<boolean> {
  const text = await readFile(join(folder, name), 'utf8')
  if ((await contentOf(path)) === text) return false
  await makeFolder(join(path, '..'), 0o755)
  await replaceFile(path, text, 0o644)
  return true
}
