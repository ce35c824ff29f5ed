import type { ExecutionContext } from 'ava'
import type { CatalogDatabase } from '../../node/catalog/open-catalog.ts'
import { openRegister } from '../../node/catalog/register.ts'
import type { RecordingProgress } from '../../node/ingest/register.ts'
import { facts } from '../helpers/sample-stream.ts'
import { idOf, place } from './catalogs.ts'

/** A register that writes when it is flushed, and what it said. */
export function registerOf(t: ExecutionContext, db: CatalogDatabase, node = 'node-1') {
  const returned: string[] = []
  const missing: string[] = []
  const failures: unknown[] = []
  const register = openRegister({
    db,
    node,
    returned: (recording) => void returned.push(recording),
    missing: async (recording) => void missing.push(recording),
    failed: (error) => void failures.push(error),
    batchMs: 600_000,
  })
  t.teardown(() => register.close())
  return { register, returned, missing, failures }
}

export const opening = (seed: number, more: { agent?: string; command?: string; sequence?: number } = {}) => {
  const { agent = 'agent-1', ...changed } = more
  return {
    recording: idOf(seed),
    stream: 'cast' as const,
    agent,
    facts: { ...facts, ...changed },
    place,
    openedMs: 5000,
  }
}

export const progress = (sizeBytes: number, more: Partial<RecordingProgress> = {}): RecordingProgress => ({
  stream: 'cast',
  sizeBytes,
  sealedBytes: sizeBytes - 10,
  rawBytes: 4 * sizeBytes,
  frames: 3,
  gaps: 1,
  endUs: 2_000_000,
  proof: 'sealed',
  ...more,
})
