import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { ExecutionContext } from 'ava'
import { farmIdOf } from '../../../codec/ed25519.ts'
import { indexKey, openMac } from '../../../codec/mac.ts'
import type { IndexTable } from '../../../format/index-records.ts'
import type { StreamName } from '../../../format/records.ts'
import { IndexJob } from '../../../node/index/index-job.ts'
import { IndexTables } from '../../../node/index/index-tables.ts'
import type { IndexTools } from '../../../node/index/index-tools.ts'
import { openStore } from '../../../node/store/store.ts'
import { createStore } from '../../../node/store/store-identity.ts'
import type { StorePlace } from '../../../node/store/store-place.ts'
import { ScreenImages } from '../../../screen/screen-images.ts'
import { crypto, makeIdentities, type SampleStream } from '../../helpers/sample-stream.ts'

export const identities = makeIdentities()

/** A store with one recording in it, and what makes its index, in this thread. */
export interface Indexing {
  tools: IndexTools
  place: StorePlace
  recording: string
  /** The file of the index. */
  path: string
  bytes(): Promise<Buffer>
  table(): Promise<IndexTable | undefined>
  /** All that can be indexed now, of `sealed` bytes of the timeline if told. */
  build(options?: { again?: boolean; sealed?: number }): Promise<void>
}

export interface TestStore {
  folder: string
  tools: IndexTools
}

/** A store, and what indexes what is in it, in this thread. */
export async function openTestStore(t: ExecutionContext): Promise<TestStore> {
  const folder = await mkdtemp(join(tmpdir(), 'tapedeck-index-'))
  t.teardown(() => rm(folder, { recursive: true, force: true }))
  const farm = farmIdOf(identities.farm.publicKey)
  const farmKey = identities.farm.publicKey
  await createStore(folder, farm)
  const store = await openStore({ folders: [folder], farm, farmKey, crypto })
  const mac = openMac(indexKey(identities.farm))
  const tools: IndexTools = {
    ...{ store, farmKey, crypto, mac, tables: new IndexTables(store, mac), images: new ScreenImages() },
    cpuMs: () => process.threadCpuUsage().user / 1000,
    guarded: async (_, work) => work(),
  }
  return { folder, tools }
}

export async function put(
  { store }: IndexTools,
  stream: StreamName,
  recording: string,
  bytes: Uint8Array,
): Promise<StorePlace> {
  const place = await store.place(recording)
  const file = await store.open(place, stream)
  await file.write([bytes], 0)
  await file.close()
  return place
}

export async function openIndexing(
  t: ExecutionContext,
  stream: SampleStream,
  screen?: SampleStream,
): Promise<Indexing> {
  const { folder, tools } = await openTestStore(t)
  const { store } = tools
  const { recording } = stream
  const place = await put(tools, 'cast', recording, stream.bytes)
  if (screen) await put(tools, 'rfb', recording, screen.bytes)
  const path = join(folder, `${place.path}.idx`)
  return {
    ...{ tools, place, recording, path },
    bytes: () => readFile(path),
    table: () => new IndexTables(store, tools.mac).read(place),
    async build({ again = false, sealed = stream.bytes.length } = {}) {
      const job = await IndexJob.open(tools, recording, again)
      job.know('cast', sealed)
      if (screen) job.know('rfb', screen.bytes.length)
      while (await job.step());
      await job.close()
    },
  }
}

/** Writes the file over, as a disk or an intruder might. */
export async function spoil(indexing: Indexing, change: (bytes: Buffer) => Uint8Array): Promise<void> {
  await writeFile(indexing.path, change(await indexing.bytes()))
}

/** The same tools, and how many bytes of streams and indexes were read through them. */
export function counting(tools: IndexTools): {
  tools: IndexTools
  read: { cast: number; rfb: number; idx: number }
} {
  const read = { cast: 0, rfb: 0, idx: 0 }
  const { store } = tools
  return {
    read,
    tools: {
      ...tools,
      store: {
        ...store,
        async *readRange(place, stream, ...range) {
          for await (const bytes of store.readRange(place, stream, ...range)) {
            read[stream] += bytes.length
            yield bytes
          }
        },
      },
    },
  }
}
