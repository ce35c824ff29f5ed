import type { Crypto, Signer } from '../../format/ports.ts'
import { StreamWriter } from '../../format/stream-writer.ts'
import type { SpooledStream } from './spooled-stream.ts'

/** Writes a queued timeline on from its last boundary. */
export function timelineWriter(
  { record, state }: Pick<SpooledStream, 'record' | 'state'>,
  { signer, crypto, certificate }: { signer: Signer; crypto: Crypto; certificate: string },
): StreamWriter {
  const { recording, session } = record
  const { sha256 } = crypto
  return new StreamWriter({
    recording,
    stream: 'cast',
    signer,
    sha256,
    certificate,
    facts: session.facts,
    state,
  })
}
