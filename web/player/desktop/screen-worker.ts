import { ScreenPainter } from '../../../format/screen-painter.ts'
import { decodeJpeg } from './decode-jpeg.ts'
import { loadZstd } from './inflater.ts'
import { ScreenLane } from './lane.ts'
import type { Drawn, DrawRequest, FromWorker, Lane, Paint, ToWorker } from './messages.ts'

// The worker that decodes and paints a desktop. It asks the page for stored bytes and gives it what of the picture has
// changed. Of each lane the newest request counts; an earlier one stops where it is.

const ready = loadZstd()
const lanes: Record<Lane, ScreenLane> = {
  shown: new ScreenLane(new ScreenPainter(decodeJpeg)),
  preview: new ScreenLane(new ScreenPainter(decodeJpeg)),
  scan: new ScreenLane(undefined),
}
const newest: Record<Lane, number> = { shown: 0, preview: 0, scan: 0 }
const busy: Record<Lane, Promise<void>> = {
  shown: Promise.resolve(),
  preview: Promise.resolve(),
  scan: Promise.resolve(),
}
const pulls = new Map<number, { resolve(bytes: Uint8Array): void; reject(error: Error): void }>()
/** Pixels come back from the page, so that playing makes no garbage. */
let spare: ArrayBuffer | undefined
let lastPull = 0

function tell(message: FromWorker, transfer: Transferable[] = []): void {
  postMessage(message, { transfer })
}

addEventListener('message', ({ data }: MessageEvent<ToWorker>) => {
  if (data.kind === 'spare') spare = data.pixels
  else if (data.kind === 'bytes') answer(data)
  else {
    newest[data.lane] = data.id
    busy[data.lane] = busy[data.lane]
      .then(() => draw(data))
      .catch((error) => tell({ kind: 'failed', id: data.id, text: String(error?.message ?? error) }))
  }
})

function answer({ id, bytes }: Extract<ToWorker, { kind: 'bytes' }>): void {
  const waiting = pulls.get(id)
  pulls.delete(id)
  if (bytes) waiting?.resolve(bytes)
  else waiting?.reject(new Error('Bytes cannot be had.'))
}

async function draw(request: DrawRequest): Promise<void> {
  await ready
  const { id, frame, untilUs } = request
  const lane = lanes[request.lane]
  const isStale = () => newest[request.lane] !== id
  const pull = (from: number) =>
    new Promise<Uint8Array>((resolve, reject) => {
      lastPull += 1
      pulls.set(lastPull, { resolve, reject })
      tell({ kind: 'pull', id: lastPull, draw: id, from })
    })
  const { atUs, nextUs, moments, damage } = await lane.move(frame, untilUs, pull, isStale)
  const stale = isStale()
  const drawn: Drawn = {
    ...{ stale, atUs, moments: new Float64Array(moments) },
    width: lane.painter?.screen.width ?? 0,
    height: lane.painter?.screen.height ?? 0,
    ...(nextUs !== undefined && { nextUs }),
    ...(damage && { damage }),
  }
  const isShown = !stale && (!damage || damage.fromUs > untilUs)
  const paint = isShown && request.lane === 'shown' ? changed(lane.painter!) : undefined
  if (paint) drawn.paint = paint
  if (isShown && request.width) drawn.preview = await small(lane.painter!, request.width)
  if (request.lane !== 'shown') lane.close()
  const given = [drawn.paint?.pixels, drawn.preview].filter((item) => item !== undefined)
  tell({ kind: 'drawn', id, drawn }, [drawn.moments.buffer, ...given])
}

function changed(painter: ScreenPainter): Paint | undefined {
  const dirty = painter.takeDirty()
  if (!dirty) return undefined
  const bytes = dirty.width * dirty.height * 4
  const pixels = spare && spare.byteLength >= bytes ? spare : new ArrayBuffer(bytes)
  spare = undefined
  painter.screen.take(dirty, new Uint8Array(pixels, 0, bytes))
  makeOpaque(pixels, bytes)
  const { x, y, width, height } = dirty
  return { x, y, width, height, pixels }
}

function small({ screen }: ScreenPainter, width: number): Promise<ImageBitmap> {
  const pixels = screen.pixels.slice()
  makeOpaque(pixels.buffer, pixels.length)
  const image = new ImageData(new Uint8ClampedArray(pixels.buffer), screen.width, screen.height)
  return createImageBitmap(image, { resizeWidth: width, resizeQuality: 'medium' })
}

// The fourth byte of a recorded pixel means nothing, and to a canvas it means transparency.
function makeOpaque(pixels: ArrayBuffer, bytes: number): void {
  const words = new Uint32Array(pixels, 0, bytes / 4)
  for (let i = 0; i < words.length; i++) words[i]! |= 0xff000000
}
