import { createReadStream } from 'node:fs'
import { readFile, stat } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import type { Browser, Page } from 'playwright-core'
import type { Up } from '../test/helpers/up.ts'
import type { Figure } from './main.ts'
import { percentile } from './median.ts'
import { randomNumbers } from './random-numbers.ts'
import { watchMemory } from './renderer-memory.ts'

// The same recording in asciinema-player, from a server that only hands it over: what a player does that holds all of it.

/** Who waits longer has gone. */
const patienceMs = 180_000
const bundle = join(import.meta.dirname, '../node_modules/asciinema-player/dist/bundle')
const html = `<!doctype html><meta charset="utf-8"><link rel="stylesheet" href="/asciinema-player.css">
<div id="player"></div><script src="/asciinema-player.min.js"></script>`

export async function asciinemaFigures(
  browser: Browser,
  up: Up,
  id: string,
  seeks: number,
): Promise<Figure[]> {
  const cast = join(up.home, 'long.cast')
  const { status, stderr } = await up.tapedeck('export', id, '--out', cast)
  if (status !== 0) throw new Error(stderr)
  const server = await serve(cast)
  const page = await (await browser.newContext()).newPage()
  page.setDefaultTimeout(patienceMs)
  try {
    await page.goto(server.url)
    const session = await page.context().newCDPSession(page)
    const memory = await watchMemory(browser, () => session.send('HeapProfiler.collectGarbage'))
    const first = await within(openAt(page, 0.5))
    const times = first.failed ? [] : await seekAbout(page, Math.min(seeks, 20))
    await memory.lookAtHeld()
    const { heldMb, peakMb } = await memory.end()
    const failed = first.failed ? `never, ${first.failed}; ` : ''
    return [
      {
        key: 'asciinema_first_ms',
        value: first.ms,
        about: `${failed}asciinema-player: from its creation to a moment in the middle painted`,
      },
      ...(times.length > 0
        ? [
            {
              key: 'asciinema_seek_p95_ms',
              value: percentile(times, 0.95),
              about: `the same, ${times.length} moments`,
            },
          ]
        : []),
      {
        key: 'asciinema_memory_mb',
        value: heldMb,
        about: "its page's process, as page_memory_mb, at the end",
      },
      { key: 'asciinema_memory_peak_mb', value: peakMb, about: 'as page_memory_peak_mb' },
    ]
  } finally {
    await page.close()
    await server.close()
  }
}

async function within(work: Promise<number>): Promise<{ ms: number; failed?: string }> {
  const started = performance.now()
  return work.then(
    (ms) => ({ ms }),
    (error: Error) => ({ ms: performance.now() - started, failed: error.message.slice(0, 100) }),
  )
}

// A seek of it resolves when its picture stands; a frame later it is painted.
const painted = `new Promise((resolve) => requestAnimationFrame(() => {
  const { port1, port2 } = new MessageChannel()
  port1.onmessage = () => resolve(performance.now())
  port2.postMessage(0)
}))`

function openAt(page: Page, share: number): Promise<number> {
  const opened = page.evaluate<number>(`(async () => {
    const started = performance.now()
    const player = AsciinemaPlayer.create('/long.cast', document.getElementById('player'), { preload: true })
    globalThis.player = player
    const length = await player.getDuration() || await new Promise((resolve, reject) => {
      player.addEventListener('ready', async () => resolve(await player.getDuration()))
      player.addEventListener('error', (error) => reject(new Error(String(error?.message ?? error))))
    })
    globalThis.length = length
    await player.seek(length * ${share})
    return (await ${painted}) - started
  })()`)
  const late = new Promise<never>((_, reject) =>
    setTimeout(() => reject(new Error(`not after ${patienceMs / 1000} s`)), patienceMs).unref(),
  )
  return Promise.race([opened, late])
}

async function seekAbout(page: Page, count: number): Promise<number[]> {
  const random = randomNumbers(1)
  const times: number[] = []
  for (let i = 0; i < count; i++)
    times.push(
      await page.evaluate<number>(`(async () => {
        const started = performance.now()
        await player.seek(length * ${random()})
        return (await ${painted}) - started
      })()`),
    )
  return times
}

async function serve(cast: string): Promise<{ url: string; close(): Promise<void> }> {
  const { size } = await stat(cast)
  const server = createServer(async (request, response) => {
    if (request.url === '/long.cast') {
      response.writeHead(200, { 'content-length': size })
      createReadStream(cast).pipe(response)
    } else if (request.url === '/') response.writeHead(200, { 'content-type': 'text/html' }).end(html)
    else response.end(await readFile(join(bundle, request.url!.slice(1))).catch(() => ''))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    close: async () => {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}
