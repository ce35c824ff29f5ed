import { readFile } from 'node:fs/promises'
import { checkScreen } from '../codec/check-screen.ts'
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
  let report: StoredReport
  try {
    report = isRecordingId(target)
      ? await verifyStored(target, await client())
      : await verifyFile(target, options.farmKey ?? home.farmPublicKey)
  } catch (error) {
    // Exit status 1 says that it is not whole; this says that nobody knows.
    throw Object.assign(error as Error, { exitCode: 2 })
  }
  process.stdout.write(options.json ? `${JSON.stringify(report)}\n` : describeAll(report))
  return report.whole
}

/** Of a desktop, both of its streams. */
type StoredReport = VerifyReport & { screen?: VerifyReport }

async function verifyStored(id: string, client: Client): Promise<StoredReport> {
  const progress = new Progress('verifying')
  try {
    return await client.work<StoredReport>(`/api/recordings/${id}/verify`)
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
  const report = verifier.finish(size)
  // What is read once only, such as a pipe, is not looked into.
  if (report.stream !== 'rfb' || input.size === undefined || report.problems.length > 0) return report
  const problems = await checkScreen(await openInput(path))
  return { ...report, whole: report.whole && problems.length === 0, problems }
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

function describeAll({ screen, ...report }: StoredReport): string {
  const shown = screen ? `${describe(report)}\n${describe(screen)}` : describe(report)
  return `${shown}${report.whole ? 'WHOLE: every byte is as it was recorded, and nothing is missing.' : 'NOT WHOLE.'}\n`
}

function describe(report: VerifyReport): string {
  const { signedBy, end, unproven } = report
  return fields([
    ['recording', report.recording ?? 'unknown'],
    ['stream', report.stream === 'rfb' ? 'screen' : report.stream && 'timeline'],
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
}
