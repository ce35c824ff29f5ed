import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { cp, mkdir, readFile, rm, stat, symlink, unlink } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import { replaceFile } from '../../disk/atomic-replace.ts'
import { makeFolder, renameFile } from '../../disk/folder.ts'
import { CommandError } from '../command-error.ts'
import { runCommand } from './run-command.ts'

const source = resolve(import.meta.dirname, '../..')
/** What was copied: the next call sees whether there is anything to do. */
const stampFile = '.installed'

interface Lock {
  packages: Record<string, { dev?: boolean; version?: string; integrity?: string }>
}

/**
 * Copies this program and the packages it runs with to `target`, whole: the old one is there until the new one is. Returns
 * false when it is there already. Programs that run go on with the files they have open.
 */
export async function copyProgram(target: string): Promise<boolean> {
  if (source === target) return false
  const { files } = JSON.parse(await readFile(join(source, 'package.json'), 'utf8')) as { files: string[] }
  const missing = files.filter((path) => !existsSync(join(source, path)))
  if (missing.length > 0)
    throw new CommandError(
      'incomplete',
      `${source} lacks ${missing.join(', ')}.`,
      "Run 'npm ci && npm run build' there first.",
    )
  const packages = productionPackages(await readLock())
  const stamp = await stampOf([...files, 'package.json'])
  if ((await readFile(join(target, stampFile), 'utf8').catch(() => '')) === stamp) return false

  const fresh = `${target}.new`
  await rm(fresh, { recursive: true, force: true })
  await makeFolder(fresh, 0o755)
  for (const path of [...files, 'package.json', ...packages]) {
    await mkdir(dirname(join(fresh, path)), { recursive: true })
    await cp(join(source, path), join(fresh, path), { recursive: true, verbatimSymlinks: true })
  }
  await runCommand('chown', '-R', 'root:root', fresh)
  await runCommand('chmod', '-R', 'u=rwX,go=rX', fresh)
  await replaceFile(join(fresh, stampFile), stamp, 0o644)
  await runCommand('sync', '-f', fresh)
  const old = `${target}.old`
  await rm(old, { recursive: true, force: true })
  if (existsSync(target)) await renameFile(target, old)
  await renameFile(fresh, target)
  await rm(old, { recursive: true, force: true })
  return true
}

/** Puts the command where every shell finds it. */
export async function linkCommand(path: string, program: string): Promise<void> {
  await mkdir(dirname(path), { recursive: true })
  await unlink(path).catch(() => undefined)
  await symlink(join(program, 'tapedeck'), path)
}

async function readLock(): Promise<Lock> {
  return JSON.parse(await readFile(join(source, 'package-lock.json'), 'utf8')) as Lock
}

/** Folders of packages that are not for development alone, and are here: npm leaves out those of other systems. */
function productionPackages({ packages }: Lock): string[] {
  return Object.entries(packages)
    .filter(([path, { dev }]) => /^node_modules\/(@[^/]+\/)?[^/]+$/.test(path) && !dev)
    .map(([path]) => path)
    .filter((path) => existsSync(join(source, path)))
}

/** Of all content of ours; the lock file in it stands for the packages. */
async function stampOf(files: string[]): Promise<string> {
  const hash = createHash('sha256')
  for (const path of files.toSorted()) {
    const whole = join(source, path)
    const found = await stat(whole)
    if (found.isDirectory()) hash.update(await runCommand('sh', '-c', hashFolder, 'sh', whole))
    else hash.update(await readFile(whole))
  }
  return hash.digest('hex')
}

const hashFolder = 'cd "$1" && find . -type f -print0 | LC_ALL=C sort -z | xargs -0 sha256sum'
