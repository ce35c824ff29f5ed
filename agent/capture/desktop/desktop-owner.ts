import { execFile } from 'node:child_process'
import { userInfo } from 'node:os'
import { promisify } from 'node:util'
import { groupNames } from '../group-names.ts'
import type { LocalDesktop } from './local-desktops.ts'

const run = promisify(execFile)

export interface DesktopOwner {
  user: string
  uid: number
  groups: string[]
}

/** Whose a desktop is, as the name service says; of one that only the config knows, as the config says. */
export async function ownerOf(desktop: LocalDesktop): Promise<DesktopOwner> {
  const { uid = userInfo().uid } = desktop
  const entry = (await said('getent', 'passwd', desktop.user ?? String(uid))).split(':')
  const user = desktop.user ?? (entry[0] || String(uid))
  const gids = (await said('id', '-G', '--', user)).split(' ').filter(Boolean)
  return {
    user,
    uid: desktop.user === undefined ? uid : Number(entry[2] ?? uid),
    groups: await groupNames(gids),
  }
}

async function said(program: string, ...args: string[]): Promise<string> {
  const { stdout } = await run(program, args).catch(() => ({ stdout: '' }))
  return stdout.trim()
}
