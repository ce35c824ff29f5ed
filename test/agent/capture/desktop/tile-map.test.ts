import test from 'ava'
import { calmMs, TileMap, tilePixels } from '../../../../agent/capture/desktop/tile-map.ts'
import { Framebuffer } from '../../../../format/framebuffer.ts'

// A screen of 6 x 4 tiles, the last row and column cut.
const screen = () => new Framebuffer(tilePixels * 6 - 10, tilePixels * 4 - 20)

/** Fills a tile with `colours` different ones. */
function paint(pixels: Framebuffer, tiles: TileMap, index: number, colours: number): void {
  const area = tiles.area(index)
  const content = new Uint8Array(area.width * area.height * 4)
  for (let i = 0; i < content.length / 4; i++) {
    content[i * 4] = (i % colours) & 0xff
    content[i * 4 + 1] = (i % colours) >> 8
  }
  pixels.put(area, 0, content)
}

function play(tiles: TileMap, indexes: number[], fromMs: number, forMs: number, everyMs: number): void {
  for (let nowMs = fromMs; nowMs < fromMs + forMs; nowMs += everyMs) {
    for (const index of indexes) tiles.changed(index, nowMs, 100)
    tiles.joinVideos()
  }
}

test('tiles cover a screen, and a rectangle touches those it lies in', (t) => {
  const tiles = new TileMap(screen(), 512)
  t.deepEqual(tiles.area(23), { x: 320, y: 192, width: 54, height: 44 })
  t.deepEqual([...tiles.touched({ x: 63, y: 64, width: 2, height: 1 })], [6, 7])
  t.deepEqual([...tiles.touched({ x: 128, y: 0, width: 64, height: 64 })], [2])
  t.deepEqual([...tiles.touched({ x: 0, y: 0, width: 0, height: 9 })], [])
})

test('many colours are a picture, few are text, however often it changes', (t) => {
  const pixels = screen()
  const tiles = new TileMap(pixels, 512)
  paint(pixels, tiles, 0, 511)
  paint(pixels, tiles, 1, 512)
  paint(pixels, tiles, 2, 20)
  for (const index of [0, 1]) tiles.look(index)
  play(tiles, [2], 0, 5000, 100)
  t.deepEqual(
    [0, 1, 2].map((index) => tiles.kind(index)),
    ['text', 'picture', 'text'],
  )
  t.false(tiles.hasVideo)
})

test('what changes without a pause for a second is a video, a caret on a picture is none', (t) => {
  const pixels = screen()
  const tiles = new TileMap(pixels, 512)
  for (const index of [0, 1]) paint(pixels, tiles, index, 600)
  play(tiles, [0], 0, 900, 100)
  t.is(tiles.kind(0), 'picture')
  play(tiles, [0], 900, 300, 100)
  play(tiles, [1], 0, 5000, 500)
  t.deepEqual(
    [0, 1].map((index) => tiles.kind(index)),
    ['video', 'picture'],
  )
  t.deepEqual(tiles.calmed(1100 + calmMs - 1), [])
  t.deepEqual(tiles.calmed(1100 + calmMs), [0])
  t.is(tiles.kind(0), 'picture')
})

test('what lies between the tiles of a video belongs to it, and is calm when all of it is', (t) => {
  const pixels = screen()
  const tiles = new TileMap(pixels, 512)
  const ring = [0, 1, 2, 6, 8, 12, 13, 14]
  for (const index of ring) paint(pixels, tiles, index, 200)
  play(tiles, ring, 0, 1500, 100)
  t.is(tiles.kind(7), 'video')
  play(tiles, [0], 1500, 3000, 100)
  t.deepEqual(tiles.calmed(4500), [])
  t.deepEqual(tiles.calmed(6000), [0, 1, 2, 6, 7, 8, 12, 13, 14])
  t.deepEqual(
    [0, 7].map((index) => tiles.kind(index)),
    ['text', 'text'],
  )
})
