import type { Player } from './player.ts'
import type { Segment } from './segment.ts'

/** One bar of the histogram, in CSS pixels, with the space behind it. */
const barPixels = 3
const stripPixels = 3

/** Paints activity, idle, gaps, the unproven tail and what is loaded. The playhead is an element of its own above it. */
export function drawTimeline(canvas: HTMLCanvasElement, player: Player, shadeIdle: boolean): void {
  const { width, height } = canvas.getBoundingClientRect()
  const ratio = devicePixelRatio
  canvas.width = Math.max(1, Math.round(width * ratio))
  canvas.height = Math.max(1, Math.round(height * ratio))
  const context = canvas.getContext('2d')
  const endUs = player.endUs
  if (!context || endUs <= 0) return
  context.scale(ratio, ratio)
  const style = getComputedStyle(canvas)
  const colour = (name: string) => style.getPropertyValue(`--${name}`)
  const x = (timeUs: number) => (timeUs / endUs) * width
  const segments = player.source.segments.peek()
  const body = height - stripPixels

  if (shadeIdle) {
    context.fillStyle = colour('idle')
    context.globalAlpha = 0.45
    for (const span of player.activity.idle(segments, endUs))
      context.fillRect(x(span.startUs), 0, Math.max(0.5, x(span.endUs) - x(span.startUs)), body)
    context.globalAlpha = 1
  }

  const count = Math.max(1, Math.floor(width / barPixels))
  const heights = player.activity.histogram(segments, endUs, count)
  context.fillStyle = colour('activity')
  for (let i = 0; i < count; i++) {
    if (heights[i] === 0) continue
    const tall = Math.max(2, heights[i]! * (body - 4))
    context.fillRect(i * barPixels, body - tall, barPixels - 1, tall)
  }

  for (const segment of segments)
    if (segment.kind === 'gap') hatch(context, x(segment.startUs), x(segment.endUs), body, colour)
  drawStrip(context, player, segments, x, height, colour)
}

// Below the bars: loaded, not loaded, and in amber what nothing proves, or not yet.
function drawStrip(
  context: CanvasRenderingContext2D,
  player: Player,
  segments: Segment[],
  x: (timeUs: number) => number,
  height: number,
  colour: (name: string) => string,
): void {
  const top = height - stripPixels
  context.fillStyle = colour('line')
  context.fillRect(0, top, x(player.endUs), stripPixels)
  for (const segment of segments) {
    if (segment.kind === 'gap') continue
    if (segment.proven && !player.source.has(segment)) continue
    context.fillStyle = segment.proven ? colour('ink-faint') : colour('medium-mark')
    const until = segment.closed ? segment.endUs : player.endUs
    context.fillRect(x(segment.startUs), top, Math.max(1, x(until) - x(segment.startUs)), stripPixels)
  }
}

function hatch(
  context: CanvasRenderingContext2D,
  fromX: number,
  toX: number,
  height: number,
  colour: (name: string) => string,
): void {
  // A short gap in a long recording must still be seen.
  const until = Math.max(toX, fromX + 4)
  context.save()
  context.beginPath()
  context.rect(fromX, 0, until - fromX, height)
  context.clip()
  context.fillStyle = colour('medium-soft')
  context.fillRect(fromX, 0, until - fromX, height)
  context.strokeStyle = colour('medium-mark')
  context.lineWidth = 1.5
  context.beginPath()
  for (let at = fromX - height; at < until; at += 6) {
    context.moveTo(at, height)
    context.lineTo(at + height, 0)
  }
  context.stroke()
  context.restore()
}
