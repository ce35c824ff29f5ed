import { randomBytes } from 'node:crypto'
import { existsSync } from 'node:fs'
import { readFile, statfs } from 'node:fs/promises'
import { join } from 'node:path'
import { replaceFile } from '../../disk/atomic-replace.ts'
import { DurableFile } from '../../disk/durable-file.ts'
import { createFile } from '../../disk/exclusive-file.ts'
import { removeFile } from '../../disk/folder.ts'
import { type Finding, fail, ok, warn } from '../catalog/finding.ts'
import { identityOf } from './store-identity.ts'

const syncTries = 8
/** Agents send up to their credit while one sync is under way; slower ones hold them up. */
const syncMsGood = 50
const freeShareGood = 0.1
const freeBytesMin = 2 ** 30
/** As statfs(2) names them. */
const shares: Record<number, string> = {
  26985: 'NFS',
  4283649346: 'SMB',
  4266872130: 'SMB',
  1702057286: 'FUSE',
}

/**
 * Looks at a store folder as a node uses it, by files of its own that it removes: identity, room, and whether writing,
 * syncing, replacing and creating mean what they must. Never throws.
 */
export async function examineStore(folder: string, farm: string): Promise<Finding[]> {
  const findings: Finding[] = []
  try {
    const identity = await identityOf(folder)
    if (!identity)
      return [
        fail(
          folder,
          existsSync(folder) ? 'is no store: its identity file is missing' : 'is not there',
          'Mount the share. The node waits, and writes nothing here meanwhile; agents keep what they send.',
        ),
      ]
    findings.push(
      identity.farm === undefined || identity.farm === farm
        ? ok(folder, `is the store ${identity.store}`)
        : fail(folder, `is a store of the farm ${identity.farm}`, 'Mount the share of this farm.'),
    )
    findings.push(await room(folder))
    findings.push(...(await semantics(folder)))
  } catch (error) {
    findings.push(
      fail(
        folder,
        (error as Error).message,
        'Look at the mount, its rights and its server: the user of the node writes here.',
      ),
    )
  }
  return findings
}

async function room(folder: string): Promise<Finding> {
  const { bavail, blocks, bsize, type } = await statfs(folder)
  const [free, share] = [bavail * bsize, bavail / blocks]
  const kind = shares[type] === undefined ? '' : ` of a share (${shares[type]})`
  const text = `${(free / 2 ** 30).toFixed(1)} GiB${kind} are free, ${Math.floor(share * 100)} %`
  const hint = "Archive or remove old recordings, or add a store: 'tapedeck size' says what is needed."
  if (free < freeBytesMin) return fail(folder, text, hint)
  return share < freeShareGood ? warn(folder, text, hint) : ok(folder, text)
}

async function semantics(folder: string): Promise<Finding[]> {
  const name = `.tapedeck-doctor-${randomBytes(6).toString('hex')}`
  const path = (end: string) => join(folder, `${name}.${end}`)
  const made = ['replaced', 'created', 'written', 'case'].map(path)
  const [replaced, created, written, cased] = made as [string, string, string, string]
  try {
    return [
      await replaces(folder, replaced),
      await createsOnce(folder, created),
      ...(await writes(folder, written)),
      await knowsCase(folder, cased, path('CASE')),
    ]
  } finally {
    for (const file of made) await removeFile(file).catch(() => undefined)
  }
}

async function replaces(folder: string, path: string): Promise<Finding> {
  await replaceFile(path, 'old')
  await replaceFile(path, 'new')
  const found = await readFile(path, 'utf8')
  return found === 'new'
    ? ok(folder, 'replaces a file in one step')
    : fail(
        folder,
        `a replaced file still says ${JSON.stringify(found)}`,
        'Mount it without caching of attributes.',
      )
}

async function createsOnce(folder: string, path: string): Promise<Finding> {
  const first = await createFile(path, Buffer.from('1'))
  const second = await createFile(path, Buffer.from('2'))
  return first && !second
    ? ok(folder, 'lets one of two create a file')
    : fail(folder, 'lets two create one file', 'Use a file system with hard links.')
}

/** A part behind a hole, synced, seen by another reader. */
async function writes(folder: string, path: string): Promise<Finding[]> {
  const part = randomBytes(4096)
  const file = await DurableFile.open(path)
  const times: number[] = []
  try {
    for (let i = 1; i <= syncTries; i++) {
      const startMs = performance.now()
      await file.write([part], i * 2 * part.length)
      await file.sync()
      times.push(performance.now() - startMs)
    }
  } finally {
    await file.close()
  }
  const reader = await DurableFile.openRead(path)
  try {
    const seen = await reader.read(part.length, 2 * part.length)
    const whole =
      seen.subarray(0, part.length).every((byte) => byte === 0) && part.equals(seen.subarray(part.length))
    if (!whole)
      return [fail(folder, 'what was written and synced is read differently', 'Do not use this share.')]
  } finally {
    await reader.close()
  }
  const medianMs = times.sort((a, b) => a - b)[syncTries / 2]!
  const text = `writes and syncs 4 KiB in ${medianMs.toFixed(1)} ms`
  return [
    medianMs <= syncMsGood
      ? ok(folder, text)
      : warn(folder, text, `${syncMsGood} ms are good: recordings reach it later.`),
  ]
}

async function knowsCase(folder: string, path: string, other: string): Promise<Finding> {
  await createFile(path, Buffer.from('1'))
  return existsSync(other)
    ? warn(
        folder,
        'takes capital and small letters for the same',
        'Recordings are safe; use a folder that does not.',
      )
    : ok(folder, 'knows capital and small letters apart')
}
