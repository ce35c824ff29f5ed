import { createReadStream } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { openCrypto } from '../codec/crypto.ts'
import { publicKeyFromPem } from '../codec/ed25519.ts'
import { isRecordingId } from '../format/recording-id.ts'
import { StreamVerifier } from '../format/stream-verifier.ts'
import type { VerifyReport } from '../format/verify-report.ts'
import type { Client } from './client.ts'
import { CommandError } from './command-error.ts'
import type { Home } from './home.ts'
import { bytes, duration, fields, localTime } from './print.ts'

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
  const report = isRecordingId(target)
    ? await (await client()).call<VerifyReport>('GET', `/api/recordings/${target}/verify`)
    : await verifyFile(target, options.farmKey ?? home.farmPublicKey)
  process.stdout.write(options.json ? `${JSON.stringify(report)}\n` : describe(report))
  return report.whole
}

async function verifyFile(path: string, keyPath: string): Promise<VerifyReport> {
  const pem = await readFile(keyPath, 'utf8').catch((error: Error) => {
    throw new CommandError(
      'farm-key',
      `The farm's public key cannot be read: ${error.message}`,
      'Name it with --farm-key FILE.',
      2,
    )
  })
  const verifier = new StreamVerifier(publicKeyFromPem(pem), openCrypto())
  let size = 0
  try {
    for await (const piece of createReadStream(path) as AsyncIterable<Buffer>) {
      verifier.push(piece)
      size += piece.length
    }
  } catch (error) {
    throw new CommandError(
      'file',
      `${path} cannot be read: ${(error as Error).message}`,
      'Give a file or the id of a recording.',
      2,
    )
  }
  return verifier.finish(size)
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
