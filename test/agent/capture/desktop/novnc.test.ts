import { existsSync, readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import test, { type ExecutionContext } from 'ava'
import { chromium } from 'playwright-core'
import { rfbSource } from '../../../../agent/capture/desktop/desktop-source.ts'
import { lossyDefaults } from '../../../../agent/capture/desktop/lossy-encoder.ts'
import { dress, missingPrograms, parkPointer, startDesktop } from '../../../helpers/desktop.ts'
import { eventually } from '../../../helpers/eventually.ts'
import { difference, type Picture } from '../../../helpers/picture.ts'
import { mark, type RecordedDesktop, record } from '../../../helpers/recorded-desktop.ts'
import { fbsBlocks, replay, zstdcat } from '../../../helpers/replay.ts'
import { ssim } from '../../../helpers/ssim.ts'

const missing = missingPrograms('Xvnc', 'openbox', 'xterm', 'xdotool', 'xwd', 'xrandr', 'ffplay', 'chromium')
const real = missing ? test.skip : test
if (missing) test.skip(`desktops: ${missing}`, () => undefined)

// noVNC itself, fed through a channel that plays the server's side of what `zstdcat` prints.

const page = `<!doctype html><div id="screen" style="width:800px;height:600px"></div><script type="module">
import RFB from '/novnc/core/rfb.js'
const fbs = new DataView(await (await fetch('/recording.fbs')).arrayBuffer())
const handlers = { onopen: null, onmessage: null, onerror: null, onclose: null }
const channel = { ...handlers, readyState: 'open', protocol: '', binaryType: 'arraybuffer', send() {}, close() {} }
const rfb = new RFB(document.getElementById('screen'), channel, { shared: true })
let failure
rfb.addEventListener('disconnect', ({ detail }) => { if (!detail.clean) failure = 'disconnected' })
for (let at = 12; at < fbs.byteLength; ) {
  const length = fbs.getUint32(at)
  channel.onmessage({ data: fbs.buffer.slice(at + 4, at + 4 + length) })
  at += 4 + ((length + 3) & ~3) + 4
  await new Promise((resolve) => setTimeout(resolve))
}
window.look = () => {
  const { width, height, data } = rfb.getImageData()
  return { failure, width, height, data: new Uint8Array(data.buffer).toBase64() }
}
</script>`

const types: Record<string, string> = { html: 'text/html', js: 'text/javascript' }

/** What noVNC shows; it paints JPEGs when they are decoded. */
async function openNovnc(t: ExecutionContext, fbs: Buffer): Promise<() => Promise<Picture>> {
  const server = createServer((request, response) => {
    const path = request.url ?? '/'
    const file = new URL(`../../../../node_modules/@novnc${path}`, import.meta.url)
    const body =
      path === '/'
        ? page
        : path === '/recording.fbs'
          ? fbs
          : existsSync(file)
            ? readFileSync(file)
            : undefined
    response.writeHead(body === undefined ? 404 : 200, {
      'content-type':
        path === '/' ? types.html : (types[path.split('.').at(-1)!] ?? 'application/octet-stream'),
    })
    response.end(body)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => server.close())
  const browser = await chromium.launch({
    executablePath: '/usr/bin/chromium',
    args: ['--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run'],
  })
  t.teardown(() => browser.close())
  const tab = await browser.newPage()
  const failures: string[] = []
  tab.on('pageerror', (error) => failures.push(error.message))
  await tab.goto(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`)
  await tab.waitForFunction('window.look', undefined, { timeout: 60_000 })
  return async () => {
    const shown = (await tab.evaluate('window.look()')) as {
      failure?: string
      width: number
      height: number
      data: string
    }
    t.deepEqual([shown.failure, ...failures], [undefined])
    const pixels = Buffer.from(shown.data, 'base64')
    const rgb = new Uint8Array(shown.width * shown.height * 3)
    for (let i = 0; i < shown.width * shown.height; i++) rgb.set(pixels.subarray(i * 4, i * 4 + 3), i * 3)
    return { width: shown.width, height: shown.height, rgb }
  }
}

async function fbsOf(recorded: RecordedDesktop): Promise<Buffer> {
  await recorded.recorder.stop('stopped')
  return zstdcat(recorded.sink.path)
}

real('noVNC shows a lossless recording as the X server and our own reader do', async (t) => {
  const desktop = await startDesktop(t, { geometry: '640x480' })
  await dress(desktop)
  const recorded = await record(t, rfbSource({ address: { path: desktop.socket } }))
  const shell = await desktop.xterm('shell', { geometry: '60x20+10+10', command: 'ls -l /usr; exec cat' })
  await mark(recorded, desktop.picture)
  await desktop.run('xdotool', 'windowmove', shell, '80', '90')
  await desktop.run('xrandr', '-s', '800x600')
  await parkPointer(desktop)
  const { picture } = await mark(recorded, desktop.picture)
  const fbs = await fbsOf(recorded)
  const look = await openNovnc(t, fbs)
  const shown = await eventually(async () => {
    const now = await look()
    const differs = difference(now, picture)
    if (differs) throw new Error(differs)
    return now
  })
  t.is(difference(shown, await replay(fbsBlocks(fbs))), undefined)
})

real('noVNC shows a lossy recording as our own reader does', async (t) => {
  const desktop = await startDesktop(t, { geometry: '640x480' })
  await dress(desktop)
  const recorded = await record(t, rfbSource({ address: { path: desktop.socket } }), { lossy: lossyDefaults })
  await desktop.video('mandelbrot=size=320x256:rate=25', 64, 64)
  await eventually(async () => {
    const jpegs = (await recorded.rectangles()).filter(({ encoding }) => encoding === 7)
    if (jpegs.length < 10) throw new Error(`${jpegs.length} JPEGs`)
  })
  const fbs = await fbsOf(recorded)
  const look = await openNovnc(t, fbs)
  const read = await replay(fbsBlocks(fbs))
  await eventually(async () => {
    const shown = await look()
    // Two decoders of JPEG round differently.
    const likeness = ssim(shown, read, { x: 0, y: 0, width: 640, height: 480 })
    if (likeness < 0.995) throw new Error(`SSIM ${likeness}`)
    const differs = difference(shown, read, { x: 64, y: 64, width: 320, height: 256 })
    if (differs) throw new Error(differs)
  })
  t.pass()
})
