import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { ExecutionContext } from 'ava'
import type { AgentIdentity } from '../../../agent/identity.ts'
import type { Spool } from '../../../agent/queue/spool.ts'
import { Uplink, type UplinkOptions } from '../../../agent/uplink/uplink.ts'
import { farmIdOf } from '../../../codec/ed25519.ts'
import { recordingPath } from '../../../format/recording-id.ts'
import { eventually } from '../../helpers/eventually.ts'
import { crypto, type Identities } from '../../helpers/sample-stream.ts'
import type { TestNode } from '../../node/ingest/test-node.ts'
import { collectLog } from '../agent-parts.ts'

export function identityOf({ farm, agent, certificate }: Identities): AgentIdentity {
  return {
    agent: 'agent-1',
    host: 'ward-7',
    machine: 'm-1',
    signer: agent,
    certificate,
    farm: farmIdOf(farm.publicKey),
    farmKey: farm.publicKey,
    moved: false,
    former: [],
  }
}

/** The agent's uplink on a queue; nothing records. */
export function openUplink(
  t: ExecutionContext,
  spool: Spool,
  url: string,
  identities: Identities,
  change: Partial<UplinkOptions> = {},
) {
  const log = collectLog()
  const uplink = new Uplink({
    url,
    version: '1',
    identity: identityOf(identities),
    crypto,
    spool,
    log,
    onWatched: () => undefined,
    onFork: (recording) => spool.setAside(recording, 'forked'),
    onDiscarded: async () => undefined,
    onClone: async () => undefined,
    ...change,
  })
  for (const spooled of spool.streams) spooled.onDurable(() => uplink.notify(spooled))
  uplink.start()
  t.teardown(async () => {
    await uplink.close()
    await spool.close()
  })
  return { uplink, log }
}

export const portOf = (node: TestNode) => Number(new URL(node.url).port)
export const httpOf = (node: TestNode) => `http://127.0.0.1:${portOf(node)}`

export function storedPath(node: TestNode, recording: string): string {
  return join(node.folders[0]!, `${recordingPath(recording)}.cast.zst`)
}

export async function stored(node: TestNode, recording: string): Promise<Uint8Array> {
  return new Uint8Array(await readFile(storedPath(node, recording)))
}

/** Waits until the queue has nothing more. */
export function sentAll(spool: Spool, timeoutMs = 60_000): Promise<void> {
  return eventually(
    () => {
      const left = spool.streams.map(({ recording, receiptOffset, durable }) => [
        recording,
        receiptOffset,
        durable,
      ])
      if (left.length > 0) throw new Error(`Left in the queue: ${JSON.stringify(left)}`)
    },
    { timeoutMs },
  )
}
