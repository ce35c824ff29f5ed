import type { Crypto } from '../../format/ports.ts'
import { recordingStartMs } from '../../format/recording-id.ts'
import type { Facts } from '../../format/records.ts'
import { StreamVerifier } from '../../format/stream-verifier.ts'
import { type AgentCertificate, openToken } from '../../format/token.ts'
import type { VerifyReport } from '../../format/verify-report.ts'
import type { Proof } from '../ingest/register.ts'
import { newRecording } from './new-recording.ts'
import type { NewRecording } from './schema.ts'

/** What a stored stream says of itself, checked to its end. */
export interface ReadStored {
  report: VerifyReport
  facts?: Facts
  /** Only if this farm signed it. */
  certificate?: AgentCertificate
}

export async function readStored(
  stored: AsyncIterable<Uint8Array>,
  farmKey: Uint8Array,
  crypto: Crypto,
): Promise<ReadStored> {
  const verifier = new StreamVerifier(farmKey, crypto)
  const read: Omit<ReadStored, 'report'> = {}
  let bytes = 0
  for await (const piece of stored) {
    bytes += piece.length
    for (const record of verifier.push(piece)) {
      if (record.kind !== 'head' || record.head.frame !== 0) continue
      if (record.head.facts) read.facts = record.head.facts
      if (record.head.certificate === undefined) continue
      try {
        read.certificate = openToken(record.head.certificate, 'agent-certificate', farmKey, crypto)
      } catch {
        // The report has it as a problem.
      }
    }
  }
  return { ...read, report: verifier.finish(bytes) }
}

/** The row of a recording as its timeline tells it, and of a desktop its screen; `undefined` where the file does not say whose it is. */
export function rowOfStored(
  read: ReadStored,
  screen: VerifyReport | undefined,
  of: { recording: string; node: string; place: { store: string; path: string }; nowMs: number },
): NewRecording | undefined {
  const { report, facts } = read
  if (!facts || report.recording !== of.recording) return undefined
  const row = newRecording({ ...of, facts, agent: report.signedBy?.agent ?? '', openedMs: of.nowMs })
  const problem = report.problems[0] ?? screen?.problems[0]
  const endUs = Math.max(report.endUs, screen?.endUs ?? 0)
  const isComplete = report.end && (facts.type !== 'desktop' || screen?.end)
  return {
    ...row,
    bytes: report.bytes,
    sealedBytes: report.sealedBytes,
    rawBytes: report.rawBytes,
    frames: report.frames,
    gaps: report.gaps.length,
    endUs,
    screenBytes: screen?.bytes ?? 0,
    screenSealedBytes: screen?.sealedBytes ?? 0,
    screenGaps: screen?.gaps.length ?? 0,
    screenEnd: screen?.end?.reason ?? null,
    proof: screen && proofOf(screen) === 'failed' ? 'failed' : proofOf(report),
    problem: problem ? `${problem.code}: ${problem.text}` : null,
    ...(report.end && {
      endReason: report.end.reason,
      exitStatus: report.end.exit ?? null,
      exitSignal: report.end.signal ?? null,
    }),
    ...(isComplete && {
      state: 'complete' as const,
      endMs: recordingStartMs(of.recording) + Math.floor(endUs / 1000),
    }),
  }
}

export function proofOf(report: VerifyReport): Proof {
  if (report.problems.length > 0) return 'failed'
  return report.sealedBytes > 0 ? 'sealed' : 'unproven'
}
