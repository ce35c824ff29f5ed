import { createHash } from 'node:crypto'
import type { Page } from 'playwright-core'
import { eventually } from '../helpers/eventually.ts'
import type { Picture } from '../helpers/picture.ts'
import { type Block, replay } from '../helpers/replay.ts'
import { screen } from './player-page.ts'

// What a person sees of a desktop, read from its canvas, and what should be seen, painted by code that shares nothing with
// the product's.

// Reads the canvas by way of another: a browser warns of reading a page's.
const readCanvas = `(() => {
  const canvas = document.querySelector('${screen} canvas.desktop')
  if (!canvas || canvas.width === 0) return { width: 0, height: 0, rgb: new Uint8Array(0) }
  const { width, height } = canvas
  const copy = new OffscreenCanvas(width, height).getContext('2d', { willReadFrequently: true })
  copy.drawImage(canvas, 0, 0)
  const { data } = copy.getImageData(0, 0, width, height)
  const rgb = new Uint8Array(width * height * 3)
  for (let from = 0, to = 0; from < data.length; from += 4) {
    rgb[to++] = data[from]
    rgb[to++] = data[from + 1]
    rgb[to++] = data[from + 2]
  }
  return { width, height, rgb }
})()`

/** Size of the picture and a digest of its colours. */
export function look(page: Page): Promise<string> {
  return page.evaluate<string>(`(async () => {
    const { width, height, rgb } = ${readCanvas}
    const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', rgb))
    return width + 'x' + height + ' ' + digest.toHex()
  })()`)
}

/** All of its pixels. */
export async function picture(page: Page): Promise<Picture> {
  const { width, height, rgb } = await page.evaluate<{ width: number; height: number; rgb: string }>(
    `(({ width, height, rgb }) => ({ width, height, rgb: rgb.toBase64() }))(${readCanvas})`,
  )
  return { width, height, rgb: Buffer.from(rgb, 'base64') }
}

/** What the screen looks like after all updates up to `atMs`. */
export async function lookAt(blocks: Block[], atMs: number): Promise<string> {
  const { width, height, rgb } = await replay(blocks, atMs)
  return `${width}x${height} ${createHash('sha256').update(rgb).digest('hex')}`
}

/** Waits until the player shows the screen of `atMs`. */
export async function looksLike(page: Page, blocks: Block[], atMs: number): Promise<void> {
  const wanted = await lookAt(blocks, atMs)
  await eventually(async () => {
    const shown = await look(page)
    if (shown !== wanted) throw new Error(`At ${atMs / 1000} s it shows ${shown}, not ${wanted}.`)
  })
}
