import type { ScreenFace } from '../screen.ts'
import type { Drawn } from './messages.ts'

export interface DesktopFace extends ScreenFace {
  /** Puts what has changed onto the canvas. Returns the memory it came in. */
  paint(drawn: Drawn): ArrayBuffer | undefined
}

/** A canvas with a desktop's pixels. */
export function openDesktopFace(): DesktopFace {
  const canvas = document.createElement('canvas')
  canvas.className = 'desktop'
  canvas.width = 0
  canvas.height = 0
  const context = canvas.getContext('2d', { alpha: false })
  const listening = new Set<(what: 'picture' | 'size') => void>()
  const changed = (what: 'picture' | 'size') => {
    for (const listener of listening) listener(what)
  }
  return {
    hasPixels: true,
    mount(host) {
      host.append(canvas)
      return () => canvas.remove()
    },
    layOut(layout, box) {
      const { width, height } = canvas
      if (width === 0 || height === 0) return
      // One pixel of the desktop on one of the reviewer's screen.
      const own = 1 / devicePixelRatio
      const style = getComputedStyle(box)
      const inner = (size: number, ...paddings: string[]) =>
        paddings.reduce((left, padding) => left - Number.parseFloat(padding), size)
      const fitting = Math.min(
        inner(box.clientWidth, style.paddingLeft, style.paddingRight) / width,
        inner(box.clientHeight, style.paddingTop, style.paddingBottom) / height,
      )
      if (fitting <= 0) return
      const whole = Math.floor(fitting / own) * own
      const isWhole = layout !== 'fit' && (layout === 'pan' || whole > 0)
      const scale = layout === 'pan' ? own : isWhole ? whole : fitting
      canvas.style.width = `${width * scale}px`
      canvas.style.height = `${height * scale}px`
      canvas.style.imageRendering = isWhole ? 'pixelated' : 'auto'
    },
    onChange(listener) {
      listening.add(listener)
      return () => listening.delete(listener)
    },
    drawSmall(small, width) {
      return drawInto(small, canvas, width)
    },
    paint({ width, height, paint }) {
      if (!paint) return undefined
      if (width !== canvas.width || height !== canvas.height) {
        canvas.width = width
        canvas.height = height
        changed('size')
      }
      const bytes = new Uint8ClampedArray(paint.pixels, 0, paint.width * paint.height * 4)
      context?.putImageData(new ImageData(bytes, paint.width, paint.height), paint.x, paint.y)
      changed('picture')
      return paint.pixels
    },
  }
}

/** A screen of which nothing is known is drawn as wide as most are. */
const usualShape = 16 / 10

/** Draws a picture, or nothing, `width` CSS pixels wide. Returns its height. */
export function drawInto(
  canvas: HTMLCanvasElement,
  picture: HTMLCanvasElement | ImageBitmap | undefined,
  width: number,
): number {
  const isThere = picture !== undefined && picture.width > 0
  const height = isThere ? (width * picture.height) / picture.width : width / usualShape
  canvas.width = Math.round(width * devicePixelRatio)
  canvas.height = Math.max(1, Math.round(height * devicePixelRatio))
  const context = canvas.getContext('2d')
  if (!context || !isThere) return height
  context.imageSmoothingQuality = 'high'
  context.drawImage(picture, 0, 0, canvas.width, canvas.height)
  return height
}
