import { stat } from 'node:fs/promises'

/** Runs as the user that a folder belongs to, where we are root and that is another one. */
export async function asOwnerOf<T>(folder: string, run: () => Promise<T>): Promise<T> {
  const { uid, gid } = await stat(folder)
  if (process.geteuid?.() !== 0 || uid === 0) return await run()
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
