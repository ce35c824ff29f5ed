import { ScreenPainter } from '../../../format/screen-painter.ts'
import { decodeJpeg } from './decode-jpeg.ts'
import { loadZstd } from './inflater.ts'
import { ScreenLane } from './lane.ts'
import type { Drawn, DrawRequest, FromWorker, Lane, Paint, ToWorker } from './messages.ts'

// The worker that decodes and paints a desktop. It asks the page for stored bytes and gives it what of the picture has
// changed. One thing is drawn at a time, since a decoder has 34 MB: what is shown goes before a preview, and that before a
// scan. Who is in the way stops where it is, and is told so.

const ready = loadZstd()
const lanes: Record<Lane, ScreenLane> = {
  shown: new ScreenLane(new ScreenPainter(decodeJpeg)),
  preview: new ScreenLane(new ScreenPainter(decodeJpeg)),
  scan: new ScreenLane(undefined),
}
const order: readonly Lane[] = ['shown', 'preview', 'scan']
/** The newest request of each lane that is not begun. */
const waiting = new Map<Lane, DrawRequest>()
let running:
  | { lane: Lane; stopped: boolean; pull?: { id: number; end(bytes?: Uint8Array): void } }
  | undefined
/** Pixels come back from the page, so that playing makes no garbage. */
let spare: ArrayBuffer | undefined
let lastPull = 0

function tell(message: FromWorker, transfer: Transferable[] = []): void {
  postMessage(message, { transfer })
}

addEventListener('message', ({ data }: MessageEvent<ToWorker>) => {
  if (data.kind === 'spare') spare = data.pixels
  else if (data.kind === 'bytes') {
    if (running?.pull?.id === data.id) running.pull.end(data.bytes)
  } else take(data)
})

function take(request: DrawRequest): void {
  const replaced = waiting.get(request.lane)
  if (replaced) tell({ kind: 'drawn', id: replaced.id, drawn: nothing })
  waiting.set(request.lane, request)
  if (running && order.indexOf(request.lane) <= order.indexOf(running.lane)) {
    running.stopped = true
    running.pull?.end()
  }
  void next()
}

async function next(): Promise<void> {
  const lane = order.find((name) => waiting.has(name))
  if (running || !lane) return
  const request = waiting.get(lane)!
  waiting.delete(lane)
  running = { lane, stopped: false }
  for (const other of order) if (other !== lane) lanes[other].close()
  try {
    await draw(request, running)
  } catch (error) {
    tell({ kind: 'failed', id: request.id, text: String((error as Error).message) })
  }
  running = undefined
  void next()
}

const nothing: Drawn = { stale: true, atUs: 0, width: 0, height: 0, moments: new Float64Array(0) }

async function draw(request: DrawRequest, turn: NonNullable<typeof running>): Promise<void> {
  await ready
  const { id, frame, untilUs } = request
  const lane = lanes[request.lane]
  const pull = (from: number) =>
    new Promise<Uint8Array | undefined>((resolve) => {
      lastPull += 1
      turn.pull = { id: lastPull, end: resolve }
      tell({ kind: 'pull', id: lastPull, draw: id, from })
    })
  const { atUs, nextUs, moments, damage } = await lane.move(frame, untilUs, pull, () => turn.stopped)
  const stale = turn.stopped
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
  const given = [drawn.paint?.pixels, drawn.preview].filter((item) => item !== undefined)
  tell({ kind: 'drawn', id, drawn }, [drawn.moments.buffer, ...given])
}

function changed(painter: ScreenPainter): Paint | undefined {
  const dirty = painter.takeDirty()
  if (!dirty) return undefined
  const bytes = dirty.width * dirty.height * 4
  if (spare && spare.byteLength < bytes) spare.transfer(0)
  const pixels = spare && spare.byteLength >= bytes ? spare : new ArrayBuffer(bytes)
  spare = undefined
  painter.screen.take(dirty, new Uint8Array(pixels, 0, bytes))
  makeOpaque(pixels, bytes)
  const { x, y, width, height } = dirty
  return { x, y, width, height, pixels }
}

function small({ screen }: ScreenPainter, width: number): Promise<ImageBitmap> {
  const { buffer, length } = screen.pixels as Uint8Array<ArrayBuffer>
  makeOpaque(buffer, length)
  const image = new ImageData(new Uint8ClampedArray(buffer), screen.width, screen.height)
  return createImageBitmap(image, { resizeWidth: width, resizeQuality: 'medium' })
}

// The fourth byte of a recorded pixel means nothing, and to a canvas it means transparency.
function makeOpaque(pixels: ArrayBuffer, bytes: number): void {
  const words = new Uint32Array(pixels, 0, bytes / 4)
  for (let i = 0; i < words.length; i++) words[i]! |= 0xff000000
}
