import { readdir, readFile } from 'node:fs/promises'
import test from 'ava'
import fc from 'fast-check'
import { generateKeyPem } from '../../../codec/ed25519.ts'
import { makeIdentities, makeStream, typingEvents } from '../../helpers/sample-stream.ts'
import { startTestNode } from '../../helpers/test-node.ts'

const v2 = `{"version":2,"width":90,"height":30,"timestamp":1700000000,"command":"/bin/zsh -l","env":{"TERM":"xterm"}}
[0.5, "o", "hello\\r\\n"]
[1.5, "r", "100x40"]
[2.25, "o", "caf\\u00e9 \\ud83d\\ude00"]
`

test('an asciicast becomes a recording that this node signs', async (t) => {
  const { ask } = await startTestNode(t)
  const { status, json } = await ask('/api/recordings?name=demo.cast', { method: 'POST', body: v2 })
  t.is(status, 201)
  const shown = (await ask(`/api/recordings/${json.id}`)).json
  t.is(shown.application, 'zsh')
  t.is(shown.user, 'admin')
  t.is(shown.start, '2023-11-14T22:13:20.000Z')
  t.is(shown.state, 'complete')
  t.is(shown.durationMs, 2250)
  t.is(shown.columns, 90)
  const report = (await ask(`/api/recordings/${json.id}/verify`)).json
  t.true(report.whole)
  t.true(report.signedBy.agent.startsWith('importer-'))
  const lines = (await ask(`/api/recordings/${json.id}/export`)).text.trim().split('\n')
  t.deepEqual(
    lines.map((line) => JSON.parse(line)),
    v2
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line)),
  )
})

test('versions 1 and 3 come in too, and version 3 tells the exit status', async (t) => {
  const { ask } = await startTestNode(t)
  const v1 = '{"version":1,"width":80,"height":24,"duration":2,"stdout":[[0.5,"a"],[1,"b"]]}'
  const first = await ask('/api/recordings', { method: 'POST', body: v1 })
  t.is((await ask(`/api/recordings/${first.json.id}`)).json.durationMs, 1500)
  const v3 =
    '{"version":3,"term":{"cols":80,"rows":24}}\n# comment\n[0.5,"o","a"]\n[1,"o","b"]\n[0.25,"x","3"]\n'
  const third = await ask('/api/recordings', { method: 'POST', body: v3 })
  t.is((await ask(`/api/recordings/${third.json.id}`)).json.exit, 3)
})

test('a recording keeps its bytes and its id, and comes in once', async (t) => {
  const { ask, config } = await startTestNode(t)
  const identities = makeIdentities(await readFile(config.farmKey, 'utf8'))
  const stream = await makeStream(identities, [typingEvents(10)])
  t.is((await ask('/api/recordings', { method: 'POST', body: stream.bytes })).json.id, stream.recording)
  t.is((await ask('/api/recordings', { method: 'POST', body: stream.bytes })).json.error.code, 'exists')
  t.is((await ask(`/api/recordings/${stream.recording}`, { method: 'DELETE' })).status, 204)
  t.is((await ask('/api/recordings', { method: 'POST', body: stream.bytes })).status, 201)
})

test('what another farm signed is never shown as proven', async (t) => {
  const { ask } = await startTestNode(t)
  const foreign = await makeStream(makeIdentities(generateKeyPem()), [typingEvents(10)])
  t.is((await ask('/api/recordings', { method: 'POST', body: foreign.bytes })).status, 201)
  t.is((await ask(`/api/recordings/${foreign.recording}`)).json.proof, 'failed')
  t.false((await ask(`/api/recordings/${foreign.recording}/verify`)).json.whole)
})

test('a part of a recording is dormant', async (t) => {
  const { ask, config } = await startTestNode(t)
  const identities = makeIdentities(await readFile(config.farmKey, 'utf8'))
  const part = await makeStream(identities, [typingEvents(10)], { end: false })
  t.is((await ask('/api/recordings', { method: 'POST', body: part.bytes })).status, 201)
  t.is((await ask(`/api/recordings/${part.recording}`)).json.state, 'dormant')
})

test('whatever is sent, the answer is a refusal and nothing is left behind', async (t) => {
  const { ask, config } = await startTestNode(t)
  const identities = makeIdentities(await readFile(config.farmKey, 'utf8'))
  const { bytes } = await makeStream(identities, [typingEvents(3)])
  const bodies = fc.oneof(
    fc.uint8Array({ maxLength: 300 }),
    fc
      .constantFrom(
        '{}',
        '[]',
        'null',
        '{"version":2}\n',
        '{"version":9,"width":1,"height":1}\n',
        '{"version":2,"width":80,"height":24}\n[1]\n',
      )
      .map((text) => Buffer.from(text)),
    fc.nat(200).map((size) => bytes.subarray(0, size)),
    fc
      .uint8Array({ minLength: 1, maxLength: 100 })
      .map((tail) => Buffer.concat([Buffer.from([0x50, 0x2a, 0x4d, 0x18]), tail])),
  )
  await fc.assert(
    fc.asyncProperty(bodies, async (body) => {
      const { status, json } = await ask('/api/recordings', { method: 'POST', body })
      return (status === 422 || status === 400) && typeof json.error.code === 'string'
    }),
    { numRuns: 60 },
  )
  t.deepEqual((await ask('/api/recordings')).json.recordings, [])
  t.deepEqual(await readdir(config.temp), [])
})
