import { existsSync } from 'node:fs'
import { stat } from 'node:fs/promises'
import { resolve } from 'node:path'
import { CommandError } from './command-error.ts'

/** Runs as the user that a folder belongs to, where there is one, we are root and that is another one. */
export async function asOwnerOf<T>(folder: string, run: () => Promise<T>): Promise<T> {
  if (process.geteuid?.() !== 0 || !existsSync(folder)) return await run()
  const { uid, gid } = await stat(folder)
  if (uid === 0) return await run()
  const groups = process.getgroups!()
  process.setgroups!([gid])
  process.setegid!(gid)
  process.seteuid!(uid)
  try {
    return await run()
  } catch (error) {
    // A worker is loaded when it is needed: by that user.
    if ((error as NodeJS.ErrnoException).code !== 'MODULE_NOT_FOUND') throw error
    throw new CommandError(
      'program-folder',
      `This runs as the user that ${folder} belongs to, who cannot read ${resolve(import.meta.dirname, '..')}.`,
      'Put the program where everybody may enter, as in /srv.',
    )
  } finally {
    process.seteuid!(0)
    process.setegid!(0)
    process.setgroups!(groups)
  }
}
