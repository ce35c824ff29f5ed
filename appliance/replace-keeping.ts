import { readFile, stat } from 'node:fs/promises'
import { replaceFile } from '../disk/atomic-replace.ts'

/** Replaces a file that is there; what it said lies beside it then, as .bak. Both are as readable as it was. */
export async function replaceKeeping(path: string, content: string): Promise<void> {
  const mode = (await stat(path)).mode & 0o777
  await replaceFile(`${path}.bak`, await readFile(path), mode)
  await replaceFile(path, content, mode)
}
