import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import test from 'ava'
import { publicKeyFromPem } from '../../codec/ed25519.ts'
import { readRecording } from '../../codec/read-recording.ts'
import { StreamVerifier } from '../../format/stream-verifier.ts'
import { crypto, makeIdentities, makeStream, typingEvents } from '../helpers/sample-stream.ts'

// Files written by earlier versions stay readable and provable for ever: files are only ever added here. To add one,
// name it in `made` and run this test once; it is written only where it is missing, and must then be committed.
const folder = new URL('golden/', import.meta.url)
const made = {
  'v1-three-frames.cast.zst': [
    typingEvents(20),
    typingEvents(15, 5000, 3e6),
    'gap' as const,
    typingEvents(3, 10, 9e6),
  ],
}
const farmPem = readFileSync(new URL('farm.pem', folder), 'utf8')

for (const [name, frames] of Object.entries(made)) {
  const path = new URL(name, folder)
  if (!existsSync(path)) writeFileSync(path, (await makeStream(makeIdentities(farmPem), frames)).bytes)
  test(name, async (t) => {
    const bytes = readFileSync(path)
    const verifier = new StreamVerifier(publicKeyFromPem(farmPem), crypto)
    verifier.push(bytes)
    t.snapshot(verifier.finish(), 'what verify reports')
    const events = []
    for await (const item of readRecording(
      (async function* () {
        yield bytes
      })(),
    ))
      events.push(item)
    t.snapshot(events, 'what a reader sees')
  })
}
