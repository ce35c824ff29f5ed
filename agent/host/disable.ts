import { rm, rmdir } from 'node:fs/promises'
import { dirname } from 'node:path'
import { listAccounts, parseShells, realShell, setShell } from './accounts.ts'
import { hostPaths, loginShell } from './host-paths.ts'
import { hasSshd, reloadSshd, removeSshdSettings } from './sshd.ts'
import { contentOf, UndoList } from './undo-list.ts'

/**
 * `tapedeck host disable`: gives every account its shell back and removes what enable put in place. Sessions that are being
 * recorded go on being recorded. Returns the accounts.
 */
export async function disableHost(): Promise<string[]> {
  const undo = new UndoList()
  const released: string[] = []
  try {
    const shells = parseShells((await contentOf(hostPaths.shells)) ?? '')
    for (const account of await listAccounts()) {
      if (account.shell !== loginShell) continue
      undo.add(() => setShell(account.name, loginShell))
      await setShell(account.name, realShell(account, shells))
      released.push(account.name)
    }
    if (await hasSshd()) await removeSshdSettings(undo)
    await undo.remove(hostPaths.sudoers)
  } catch (error) {
    await undo.undo()
    throw error
  } finally {
    await reloadSshd()
  }
  // Nobody is sent there any more.
  for (const path of [hostPaths.lib, hostPaths.conf, dirname(hostPaths.backup)])
    await rm(path, { recursive: true, force: true })
  await rmdir(dirname(dirname(hostPaths.backup))).catch(() => undefined)
  return released
}
