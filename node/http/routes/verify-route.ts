import { Type } from '@fastify/type-provider-typebox'
import type { StreamName } from '../../../format/records.ts'
import { StreamVerifier } from '../../../format/stream-verifier.ts'
import type { VerifyReport } from '../../../format/verify-report.ts'
import { userOf } from '../access.ts'
import type { App, HttpContext } from '../context.ts'
import { foundRecording, readableBytes } from '../found-recording.ts'
import { busy } from '../http-error.ts'
import { IdParams } from './recording-routes.ts'

const text = Type.String()
const count = Type.Integer()
const reportProperties = {
  whole: Type.Boolean({ description: 'No problem, no gap, and an END; of a desktop, in both streams.' }),
  recording: Type.Optional(text),
  stream: Type.Optional(text),
  signedBy: Type.Optional(Type.Object({ agent: text, host: text, key: text, until: count })),
  farm: Type.Optional(text),
  frames: count,
  bytes: count,
  sealedBytes: count,
  rawBytes: count,
  startWallMs: Type.Optional(count),
  endUs: count,
  gaps: Type.Array(Type.Object({ fromUs: count, toUs: count, reason: text, bytes: Type.Optional(count) })),
  end: Type.Optional(Type.Object({ reason: text, exit: Type.Optional(count), signal: Type.Optional(count) })),
  unproven: Type.Optional(Type.Object({ offset: count, bytes: count })),
  problems: Type.Array(Type.Object({ code: text, offset: count, text })),
  receipt: Type.Object(
    { offset: count, reached: Type.Boolean() },
    { description: 'How far this farm acknowledged sealed bytes, and whether the file still reaches there.' },
  ),
}
const Report = Type.Object({
  ...reportProperties,
  screen: Type.Optional(Type.Object(reportProperties, { description: "The same of a desktop's screen." })),
})

export function addVerifyRoute(app: App, context: HttpContext): void {
  const { store, crypto, farm, heavy } = context
  app.get(
    '/api/recordings/:id/verify',
    {
      schema: {
        tags: ['recordings'],
        summary: 'Check every digest, chain link and signature of the file',
        params: IdParams,
        response: { 200: Report },
      },
    },
    async (request) => {
      const row = await foundRecording(context, request.params.id, userOf(request))
      const check = async (stream: StreamName, sealedBytes: number) => {
        const size = await readableBytes(context, row, stream).catch((error: { code?: string }) => {
          if (stream === 'rfb' && error.code === 'not-found') return 0
          throw error
        })
        const verifier = new StreamVerifier(farm.signer.publicKey, crypto)
        for await (const piece of size > 0 ? store.readRange(row, stream, 0, size) : []) {
          if (request.raw.destroyed) break
          verifier.push(piece)
        }
        return withReceipt(verifier.finish(size), sealedBytes)
      }
      const isDesktop = row.type === 'desktop'
      const checked = await heavy.run(async () => ({
        timeline: await check('cast', row.sealedBytes),
        ...(isDesktop && { screen: await check('rfb', row.screenSealedBytes) }),
      }))
      if (!checked) throw busy()
      const { timeline, screen } = checked.value
      return screen ? { ...timeline, whole: timeline.whole && screen.whole, screen } : timeline
    },
  )
}

// What was proven once and is gone now is a loss, even where the rest is a valid prefix.
function withReceipt(report: VerifyReport, offset: number) {
  const reached = report.sealedBytes >= offset
  const lost = {
    code: 'receipt',
    offset: report.sealedBytes,
    text: `This farm once had ${offset} sealed bytes; the file has ${report.sealedBytes}.`,
  }
  return {
    ...report,
    whole: report.whole && reached,
    problems: reached ? report.problems : [...report.problems, lost],
    receipt: { offset, reached },
  }
}
