import { readFile } from 'node:fs/promises'
import { openCrypto } from '../codec/crypto.ts'
import { publicKeyFromPem } from '../codec/ed25519.ts'
import { isRecordingId } from '../format/recording-id.ts'
import { StreamVerifier } from '../format/stream-verifier.ts'
import type { VerifyReport } from '../format/verify-report.ts'
import type { Client } from './client.ts'
import { CommandError } from './command-error.ts'
import type { Home } from './home.ts'
import { openInput } from './open-input.ts'
import { bytes, duration, fields, localTime } from './print.ts'
import { Progress } from './progress.ts'

export interface VerifyOptions {
  farmKey?: string
  json?: boolean
}

/** Prints who signed a recording, what is whole and what is missing. Resolves true only when it is whole. */
export async function verify(
  target: string,
  home: Home,
  client: () => Promise<Client>,
  options: VerifyOptions,
): Promise<boolean> {
  let report: VerifyReport
  try {
    report = isRecordingId(target)
      ? await verifyStored(target, await client())
      : await verifyFile(target, options.farmKey ?? home.farmPublicKey)
  } catch (error) {
    // Exit status 1 says that it is not whole; this says that nobody knows.
    throw Object.assign(error as Error, { exitCode: 2 })
  }
  process.stdout.write(options.json ? `${JSON.stringify(report)}\n` : describe(report))
  return report.whole
}

async function verifyStored(id: string, client: Client): Promise<VerifyReport> {
  const progress = new Progress('verifying')
  try {
    return await client.work<VerifyReport>(`/api/recordings/${id}/verify`)
  } finally {
    progress.end()
  }
}

async function verifyFile(path: string, keyPath: string): Promise<VerifyReport> {
  const input = await openInput(path)
  const verifier = new StreamVerifier(await farmKey(keyPath), openCrypto())
  const progress = new Progress('verifying', input.size)
  let size = 0
  try {
    for await (const piece of progress.count(input)) {
      verifier.push(piece)
      size += piece.length
    }
  } finally {
    progress.end()
  }
  return verifier.finish(size)
}

async function farmKey(path: string): Promise<Uint8Array> {
  try {
    return publicKeyFromPem(await readFile(path, 'utf8'))
  } catch (error) {
    throw new CommandError(
      'farm-key',
      `The farm's public key cannot be read: ${(error as Error).message}`,
      'Name it with --farm-key FILE.',
      2,
    )
  }
}

function describe(report: VerifyReport): string {
  const { signedBy, end, unproven } = report
  const shown = fields([
    ['recording', report.recording ?? 'unknown'],
    [
      'signed by',
      signedBy
        ? `${signedBy.host} (agent ${signedBy.agent}, key ${signedBy.key})`
        : 'nobody that this farm knows',
    ],
    [
      'start',
      report.startWallMs === undefined ? undefined : localTime(new Date(report.startWallMs).toISOString()),
    ],
    ['duration', duration(report.endUs / 1000)],
    [
      'proven',
      `${report.frames} frames, ${bytes(report.sealedBytes)} of ${bytes(report.bytes)}, ${bytes(report.rawBytes)} decoded`,
    ],
    [
      'end',
      end
        ? `${end.reason}${end.exit === undefined ? '' : `, status ${end.exit}`}`
        : 'missing: nothing here proves that no more was recorded',
    ],
    ['unproven', unproven && `${bytes(unproven.bytes)} from byte ${unproven.offset} on are under no seal`],
    ...report.gaps.map((gap): [string, string] => [
      'gap',
      `${duration(gap.fromUs / 1000)} to ${duration(gap.toUs / 1000)}: ${gap.reason}${gap.bytes === undefined ? '' : `, ${bytes(gap.bytes)}`}`,
    ]),
    ...report.problems.map((problem): [string, string] => [
      'problem',
      `byte ${problem.offset}: ${problem.text} [${problem.code}]`,
    ]),
  ])
  return `${shown}${report.whole ? 'WHOLE: every byte is as it was recorded, and nothing is missing.' : 'NOT WHOLE.'}\n`
}
