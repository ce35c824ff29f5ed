import { copyFile, readdir, readFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { zstdDecompressSync } from 'node:zlib'
import test from 'ava'
import { StreamVerifier } from '../../../format/stream-verifier.ts'
import {
  crypto,
  makeIdentities,
  makeStream,
  type SampleStream,
  typingEvents,
} from '../../helpers/sample-stream.ts'
import { startTestNode, type TestNode } from '../../helpers/test-node.ts'

async function withRecording(
  t: Parameters<typeof startTestNode>[0],
  config: { live?: boolean } = {},
): Promise<{ node: TestNode; stream: SampleStream }> {
  const node = await startTestNode(t, { config })
  const identities = makeIdentities(await readFile(node.config.farmKey, 'utf8'))
  const stream = await makeStream(identities, [typingEvents(20), 'gap', typingEvents(20, 1000, 3_000_000)])
  const { status, json } = await node.ask('/api/recordings', { method: 'POST', body: stream.bytes })
  if (status !== 201) throw new Error(JSON.stringify(json))
  return { node, stream }
}

test('the stored bytes come whole or in ranges', async (t) => {
  const { node, stream } = await withRecording(t)
  const path = `/api/recordings/${stream.recording}/streams/cast`
  const size = stream.bytes.length
  const whole = await node.ask(path)
  t.is(whole.headers['content-type'], 'application/zstd')
  t.deepEqual(new Uint8Array(whole.bytes), stream.bytes)
  const range = async (header: string, more = {}) => node.ask(path, { headers: { range: header, ...more } })
  const middle = await range('bytes=10-19')
  t.is(middle.status, 206)
  t.is(middle.headers['content-range'], `bytes 10-19/${size}`)
  t.deepEqual(new Uint8Array(middle.bytes), stream.bytes.subarray(10, 20))
  t.deepEqual(new Uint8Array((await range('bytes=-5')).bytes), stream.bytes.subarray(-5))
  t.deepEqual(
    new Uint8Array((await range(`bytes=${size - 3}-${size + 100}`)).bytes),
    stream.bytes.subarray(-3),
  )
  const beyond = await range(`bytes=${size}-`)
  t.is(beyond.status, 416)
  t.is(beyond.headers['content-range'], `bytes */${size}`)
  for (const odd of ['bytes=5-2', 'bytes=0-1,3-4', 'lines=1-2', 'bytes=-', 'bytes=x-'])
    t.is((await range(odd)).status, 200, odd)
  t.is((await range('bytes=0-0', { 'if-range': '"other"' })).status, 200)
  t.is((await range('bytes=0-0', { 'if-range': String(whole.headers.etag) })).status, 206)
  t.is((await node.ask(path, { headers: { 'if-none-match': String(whole.headers.etag) } })).status, 304)
})

test('the screen of a desktop has its frames and ranges beside the timeline', async (t) => {
  const { node, stream } = await withRecording(t)
  const base = `/api/recordings/${stream.recording}`
  const streams = async () =>
    (await node.ask(base)).json.streams.map((item: { stream: string }) => item.stream)
  t.deepEqual(await streams(), ['cast'])
  t.is((await node.ask(`${base}/streams/rfb`)).status, 404)
  const folder = node.config.stores[0]!
  const names = await readdir(folder, { recursive: true })
  const timeline = names.find((name) => name.endsWith(`${stream.recording}.cast.zst`))!
  const screen = 'test/format/golden/v1-two-frames.rfb.zst'
  await copyFile(screen, join(folder, dirname(timeline), `${stream.recording}.rfb.zst`))
  t.deepEqual(await streams(), ['cast', 'rfb'])
  const bytes = await readFile(screen)
  const range = await node.ask(`${base}/streams/rfb`, { headers: { range: 'bytes=5-99' } })
  t.deepEqual(Buffer.from(range.bytes), bytes.subarray(5, 100))
  const { size, frames } = (await node.ask(`${base}/frames?stream=rfb`)).json
  t.is(size, bytes.length)
  t.is(frames.filter(({ kind }: { kind: string }) => kind === 'frame').length, 2)
  t.is((await node.ask(`${base}/frames?stream=idx`)).status, 400)
})

test('the frame table, verification and export agree with the bytes', async (t) => {
  const { node, stream } = await withRecording(t)
  const base = `/api/recordings/${stream.recording}`
  const table = (await node.ask(`${base}/frames?stream=cast`)).json
  t.deepEqual(
    table.frames.map(({ kind }: { kind: string }) => kind),
    ['frame', 'gap', 'frame', 'end'],
  )
  const [first] = table.frames
  const body = stream.bytes.subarray(first.bodyOffset, first.bodyOffset + first.bodySize)
  t.is(zstdDecompressSync(body).length, first.rawBytes)

  const report = (await node.ask(`${base}/verify`)).json
  const own = new StreamVerifier(node.farm.publicKey, crypto)
  own.push(stream.bytes)
  const { receipt, ...rest } = report
  t.deepEqual(rest, JSON.parse(JSON.stringify(own.finish())))
  t.true(receipt.reached)
  t.false(report.whole)

  const exported = await node.ask(`${base}/export`)
  t.is(exported.text, Buffer.from(stream.raw).toString())
  t.true(String(exported.headers['content-disposition']).includes(`${stream.recording}.cast`))
  const shown = (await node.ask(base)).json
  t.is(shown.proof, 'sealed')
  t.is(shown.gaps, 1)
  t.is(shown.exit, 0)
  t.deepEqual(shown.streams, [{ stream: 'cast', size: stream.bytes.length }])
  t.deepEqual(shown.followUps, [stream.recording])
})

test('every way to content needs the role Player', async (t) => {
  const { node, stream } = await withRecording(t)
  const base = `/api/recordings/${stream.recording}`
  const paths = ['', '/streams/cast', '/frames', '/verify', '/export'].map((end) => base + end)
  for (const path of [...paths, '/api/recordings'])
    t.is((await node.ask(path, { as: 'nobody' })).status, 401, path)
  await node.ask('/api/users/admin', {
    method: 'PATCH',
    body: { roles: ['PolicyAdministrator', 'LoggingReader'] },
  })
  for (const path of [...paths, '/api/recordings']) {
    const { status, json } = await node.ask(path)
    t.is(status, 403, path)
    t.is(json.error.code, 'role-missing')
  }
  t.is((await node.ask(`${base}/links`, { method: 'POST', body: { timeUs: 0 } })).status, 403)
})

test('ids that are no ids lead nowhere', async (t) => {
  const { node, stream } = await withRecording(t)
  const id = stream.recording
  const odd = [
    '..%2f..%2fnode%2ftls.key',
    '%2e%2e',
    `${id}%00`,
    id.toUpperCase(),
    `${id}.farm`,
    '0',
    "'%20or%201=1--",
  ]
  for (const end of ['', '/streams/cast', '/frames', '/verify', '/export'])
    for (const one of odd) {
      const { status, text } = await node.ask(`/api/recordings/${one}${end}`)
      t.true(status === 400 || status === 404, `${one}${end}: ${status}`)
      t.false(text.includes('PRIVATE'))
    }
  t.is((await node.ask('/api/recordings/../../node/tls.key')).status, 403)
  t.is((await node.ask(`/api/recordings/${id.replace(/.$/, id.endsWith('0') ? '1' : '0')}`)).status, 404)
})

test('deleting leaves nothing but a tombstone, and needs an administrator', async (t) => {
  const { node, stream } = await withRecording(t)
  const path = `/api/recordings/${stream.recording}`
  t.is(
    (
      await node.ask('/api/users', {
        method: 'POST',
        body: { name: 'pat', password: 'a long password', roles: ['Player'] },
      })
    ).status,
    201,
  )
  const { headers, json } = await node.ask('/api/session', {
    method: 'POST',
    as: 'nobody',
    body: { user: 'pat', password: 'a long password' },
  })
  const pat = { cookie: headers['set-cookie']![0]!.split(';')[0]!, 'x-csrf-token': json.csrf }
  t.is(
    (await node.ask(path, { method: 'DELETE', as: 'nobody', headers: pat })).json.error.code,
    'role-missing',
  )
  t.is((await node.ask(path, { method: 'DELETE' })).status, 204)
  t.is((await node.ask(path)).status, 404)
  t.is((await node.ask(path, { method: 'DELETE' })).status, 404)
  t.deepEqual((await node.ask('/api/recordings')).json.recordings, [])
})

test('asked plainly, a live feed says why it is refused', async (t) => {
  const on = await withRecording(t)
  const ask = ({ node, stream }: typeof on, as?: string) =>
    node.ask(`/api/recordings/${stream.recording}/live`, as ? { as } : {})
  t.is((await ask(on)).status, 426)
  t.is((await ask(on, 'nobody')).status, 401)
  const off = await ask(await withRecording(t, { live: false }))
  t.is(off.status, 403)
  t.is(off.json.error.code, 'live-off')
  t.regex(off.json.error.text, /setting `live`/)
})
