import { existsSync } from 'node:fs'
import { stat } from 'node:fs/promises'

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
  } finally {
    process.seteuid!(0)
    process.setegid!(0)
    process.setgroups!(groups)
  }
}
