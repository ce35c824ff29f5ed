import { mkdtemp, readdir, readFile, rm, stat, symlink } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test, { type ExecutionContext } from 'ava'
import { replaceFile } from '../../disk/atomic-replace.ts'
import { DurableFile } from '../../disk/durable-file.ts'
import { createFile } from '../../disk/exclusive-file.ts'
import { makeFolder, removeFile, renameFile } from '../../disk/folder.ts'
import { readFileRange } from '../../disk/read-file.ts'

async function folder(t: ExecutionContext): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'tapedeck-disk-'))
  t.teardown(() => rm(path, { recursive: true, force: true }))
  return path
}

test('a replaced file is the new one, with its mode, and nothing is left beside it', async (t) => {
  const at = await folder(t)
  await replaceFile(join(at, 'a'), 'one')
  await replaceFile(join(at, 'a'), new Uint8Array([50]), 0o640)
  t.is(await readFile(join(at, 'a'), 'utf8'), '2')
  t.is((await stat(join(at, 'a'))).mode & 0o777, 0o640)
  t.deepEqual(await readdir(at), ['a'])
  await t.throwsAsync(replaceFile(join(at, 'none', 'a'), 'x'), { code: 'ENOENT' })
})

test('of many that create a file one wins, whole', async (t) => {
  const at = join(await folder(t), 'a')
  const made = await Promise.all(
    Array.from({ length: 8 }, (_, i) => createFile(at, new Uint8Array(1000).fill(i))),
  )
  t.is(made.filter(Boolean).length, 1)
  const bytes = await readFile(at)
  t.true(bytes.length === 1000 && bytes.every((byte) => byte === made.indexOf(true)))
})

test('pieces are written one behind the other at an offset, more than one call takes', async (t) => {
  const file = await DurableFile.open(join(await folder(t), 'a'))
  const pieces = Array.from({ length: 3000 }, (_, i) => new Uint8Array(i % 7).fill(i))
  const whole = Buffer.concat(pieces)
  await file.write(pieces, 100)
  const { size } = await file.sync()
  t.is(size, 100 + whole.length)
  t.deepEqual(Buffer.from(await file.read(100, 1e6)), whole)
  t.deepEqual(await file.read(0, 100), Buffer.alloc(100))
  await file.extend(50)
  t.is(file.size, size)
  await file.extend(2 ** 31)
  t.is(file.size, 2 ** 31)
  await file.close()
})

test('a link is not followed', async (t) => {
  const at = await folder(t)
  await symlink('/etc/passwd', join(at, 'a'))
  await t.throwsAsync(DurableFile.open(join(at, 'a')), { code: 'ELOOP' })
  await t.throwsAsync(DurableFile.openRead(join(at, 'a')), { code: 'ELOOP' })
})

test('folders are made with parents, files renamed, removed, read by range', async (t) => {
  const at = await folder(t)
  await makeFolder(join(at, 'x', 'y', 'z'), 0o750)
  await makeFolder(join(at, 'x', 'y', 'z'))
  t.is((await stat(join(at, 'x', 'y'))).mode & 0o777, 0o750)
  await replaceFile(join(at, 'a'), 'abcdefgh')
  await renameFile(join(at, 'a'), join(at, 'b'))
  const parts: string[] = []
  for await (const piece of readFileRange(join(at, 'b'), 2, 100, 4)) parts.push(Buffer.from(piece).toString())
  t.deepEqual(parts, ['cdef', 'gh'])
  await removeFile(join(at, 'b'))
  await removeFile(join(at, 'b'))
  t.deepEqual(await readdir(at), ['x'])
})
