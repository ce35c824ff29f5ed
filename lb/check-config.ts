import { lookup } from 'node:dns/promises'
import { mkdtemp, rm, stat, writeFile } from 'node:fs/promises'
import { isIP } from 'node:net'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import type { Farm } from './farm.ts'
import { LbError } from './lb-error.ts'
import { runProgram } from './run-program.ts'

/**
 * Proves that HAProxy on this machine takes the text. Throws LbError: `lb-unresolvable`, `lb-path`, `lb-refused`.
 * What HAProxy's own check passes over and its start stumbles on, after the old process is told to go, is looked at first.
 */
export async function checkHaproxyConfig(farm: Farm, text: string, haproxy = 'haproxy'): Promise<void> {
  await checkNames(farm)
  await checkFolders(farm)
  await checkWith(haproxy, ['-c', '-f'], text)
}

/** Throws LbError `lb-refused`. */
export async function checkKeepalivedConfig(text: string, keepalived = 'keepalived'): Promise<void> {
  await checkWith(keepalived, ['-t', '-f'], text)
}

async function checkWith(program: string, args: string[], text: string): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'tapedeck-lb-'))
  try {
    const path = join(folder, 'config')
    await writeFile(path, text, { mode: 0o600 })
    const { ok, said } = await runProgram(program, [...args, path])
    if (ok) return
    const why = said.replaceAll(path, 'line').replace(/^\[NOTICE\].*\n?/gm, '')
    throw new LbError('lb-refused', `${program} refuses the configuration:\n${why}`, 'Nothing was changed.')
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

async function checkNames({ nodes }: Farm): Promise<void> {
  for (const { name, address } of nodes) {
    if (isIP(address)) continue
    try {
      await lookup(address)
    } catch (error) {
      throw new LbError(
        'lb-unresolvable',
        `The address of ${name}, ${address}, cannot be resolved: ${(error as Error).message}`,
        'Correct the name, or write the IP address. Nothing was changed.',
        error,
      )
    }
  }
}

async function checkFolders({ account, runtimeSocket }: Farm): Promise<void> {
  const folders = [dirname(runtimeSocket), ...(account ? [account.chroot] : [])]
  for (const folder of folders) {
    const found = await stat(folder).catch(() => undefined)
    if (!found?.isDirectory())
      throw new LbError(
        'lb-path',
        `There is no folder ${folder}, which HAProxy needs at its start.`,
        `Make it (mkdir -p ${folder}), or name another in the farm file. Nothing was changed.`,
      )
  }
}
