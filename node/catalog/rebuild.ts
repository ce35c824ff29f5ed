import type { Crypto } from '../../format/ports.ts'
import type { StreamName } from '../../format/records.ts'
import { importerAgent } from '../importer-identity.ts'
import type { Store } from '../store/store.ts'
import { addAgent } from './agents.ts'
import type { CatalogDatabase } from './open-catalog.ts'
import { readStored, rowOfStored } from './read-stored.ts'
import { addRecording, findRecording, isBuried } from './recordings.ts'
import { storedFiles } from './stored-files.ts'

// I6: a catalog that was lost is made again from the files. Their first HEAD has the facts and the agent's certificate,
// their END how they ended. One without END counts as live until the dormant watch or its agent says otherwise.
// Users, tokens, tombstones and revocations lie only in the catalog: they are not in the store, and do not come back.

export interface RebuildOptions {
  db: CatalogDatabase
  store: Store
  node: string
  farmKey: Uint8Array
  crypto: Crypto
  signal: AbortSignal
}

export async function rebuildCatalog(
  options: RebuildOptions & {
    folders: readonly string[]
    /** A file that could not be taken in. */
    skipped: (recording: string, error: unknown) => void
  },
): Promise<{ added: number; skipped: number }> {
  const counts = { added: 0, skipped: 0 }
  for await (const { recording, place } of storedFiles(options.folders)) {
    if (options.signal.aborted) break
    try {
      if (await rebuildOne(options, recording, place)) counts.added += 1
    } catch (error) {
      if (options.signal.aborted) break
      counts.skipped += 1
      options.skipped(recording, error)
    }
  }
  return counts
}

/** Rebuilds one recording's row where the catalog lost it; who asks meanwhile waits for the same. */
export function openRowRebuilder(
  options: RebuildOptions,
  rebuilt: (recording: string) => void,
): (recording: string) => Promise<void> {
  const running = new Map<string, Promise<void>>()
  const rebuild = async (recording: string) => {
    const place = await options.store.place(recording)
    if (await rebuildOne(options, recording, place)) rebuilt(recording)
  }
  return (recording) => {
    const found = running.get(recording)
    if (found) return found
    const started = rebuild(recording).finally(() => running.delete(recording))
    running.set(recording, started)
    return started
  }
}

/** False when it has a row already, or was deleted. */
async function rebuildOne(
  { db, store, node, farmKey, crypto, signal }: RebuildOptions,
  recording: string,
  place: { store: string; path: string },
): Promise<boolean> {
  if ((await findRecording(db, recording)) || (await isBuried(db, recording))) return false
  const readStream = (stream: StreamName) =>
    readStored(store.readRange(place, stream, 0, Number.MAX_SAFE_INTEGER, signal), farmKey, crypto)
  const read = await readStream('cast')
  const hasScreen = (await store.size(place, 'rfb')) !== undefined
  const screen = hasScreen ? (await readStream('rfb')).report : undefined
  const nowMs = Date.now()
  const row = rowOfStored(read, screen, { recording, node, place, nowMs })
  if (!row) throw new Error('The file does not begin with a HEAD that says whose it is.')
  const { certificate } = read
  // An agent that the farm once enrolled goes on; who was revoked must be revoked again.
  if (certificate && certificate.agent !== importerAgent(node))
    await addAgent(db, {
      id: certificate.agent,
      host: certificate.host,
      machine: '',
      publicKey: certificate.key,
      nowMs,
    })
  return await addRecording(db, row)
}
