import { openZstdBody } from '../../codec/zstd.ts'
import { StreamWriter } from '../../format/stream-writer.ts'
import type { TimelineEvent } from '../../format/timeline.ts'
import { encodeHeader } from '../../format/timeline.ts'
import { crypto, facts, header, type Identities } from '../helpers/sample-stream.ts'
import { output, recordingOf } from './sample-recordings.ts'
import type { Held } from './stand-in.ts'

// What somebody writes who knows that a reviewer will look.

const esc = '\u001b'
const big = 2_147_483_647

/** Sequences by which a terminal acts on what is around it, or answers. */
export const acting = [
  `${esc}]0;owned title\u0007${esc}]2;owned title${esc}\\${esc}]l title ${esc}\\`,
  `${esc}]52;c;b3duZWQ=\u0007${esc}]52;p;b3duZWQ=${esc}\\${esc}]52;c;?\u0007`,
  `${esc}]8;;https://evil.example/a\u0007a link${esc}]8;;\u0007 https://evil.example/b `,
  `${esc}]8;id=1;javascript:document.title='owned'${esc}\\click${esc}]8;;${esc}\\`,
  `${esc}]9;notify\u0007${esc}]777;notify;a;b\u0007${esc}]99;i=1;hello\u0007\u0007`,
  `${esc}]1337;File=inline=1:aGVsbG8=\u0007${esc}]1337;RequestUpload=format=tgz\u0007`,
  `${esc}]4;1;?\u0007${esc}]10;?\u0007${esc}]11;#ff0000\u0007${esc}]104\u0007`,
  `${esc}[c${esc}[>c${esc}[=c${esc}[5n${esc}[6n${esc}[?6n${esc}Z\u0005${esc}[x${esc}[18t${esc}[21t${esc}[>q`,
  `${esc}[?1000h${esc}[?1003;1006h${esc}[?1004h${esc}[?2004h${esc}[?2026h${esc}[?9001h${esc}[>31u`,
  `${esc}P$qm${esc}\\${esc}P+q544e${esc}\\${esc}Pq#0;2;0;0;0~~${esc}\\${esc}_Gf=100,a=T;AAAA${esc}\\`,
  `${esc}[4i${esc}[5i printed ${esc}[4i${esc}#8${esc}[8;10000;10000t${esc}[3;0;0t${esc}[2t`,
]

/** What hangs or bloats an emulator. */
export const killing: Record<string, string> = {
  repeat: `a${esc}[${big}b`,
  lines: `${esc}[${big}L${esc}[${big}M${esc}[${big}S${esc}[${big}T`,
  tabs: `${esc}[${big}I${esc}[${big}Z`,
  cells: `${esc}[${big}@${esc}[${big}P${esc}[${big}X${esc}[${big}'}${esc}[${big} @`,
  number: `${esc}[${'9'.repeat(100_000)}b\u009b${big}b`,
  title: `${esc}]0;${'x'.repeat(3_000_000)}`,
  string: `${esc}P${'x'.repeat(3_000_000)}`,
  marks: `a${'\u0301'.repeat(1_000_000)}b${'\u200d\u{e0101}'.repeat(300_000)}`,
  repeated: `${`a${'\u0301'.repeat(16)}${esc}[10000b`.repeat(40)}`,
  line: 'long '.repeat(2_000_000),
  empty: '\n'.repeat(3_000_000),
  colours: Array.from(
    { length: 60_000 },
    (_, i) => `${esc}[38;2;${i % 251};${i % 241};${i % 239};4:3m漢`,
  ).join(''),
  screens: `${esc}[?1049h${esc}[2J${esc}#8${esc}[?1049l`.repeat(5000),
  resets: `${esc}c`.repeat(5000),
}

/** No event of ours is longer. */
const eventCharacters = 500_000

/** One frame for each killer, 5 s apart, and a word 1 s after it. */
export function killingFrames(): TimelineEvent[][] {
  return Object.entries(killing).map(([name, text], i) => {
    const events: TimelineEvent[] = []
    for (let at = 0; at < text.length; at += eventCharacters)
      events.push(output(i * 5 + 1, text.slice(at, at + eventCharacters)))
    return [...events, output(i * 5 + 2, `${esc}\\${esc}[m${esc}[H${esc}[2Jalive after ${name}`)]
  })
}

/** 2.6 GB of zeros in 80 KB of zstd: a frame header with a window of 128 KiB, then blocks that repeat one byte. */
export function zstdBomb(): Uint8Array {
  const blocks = 20_000
  const bomb = new Uint8Array(6 + blocks * 4)
  bomb.set([0x28, 0xb5, 0x2f, 0xfd, 0x00, 0x38])
  for (let i = 0; i < blocks; i++) {
    const header = (131_072 << 3) | (1 << 1) | Number(i === blocks - 1)
    bomb.set([header & 0xff, (header >> 8) & 0xff, (header >> 16) & 0xff, 0x20], 6 + i * 4)
  }
  return bomb
}

/** A whole frame that shows a word, then `body`, sealed as of `rawBytes` or left open. */
export async function heldWithBody(
  { agent, certificate }: Identities,
  id: string,
  body: Uint8Array,
  rawBytes: number | undefined,
): Promise<Held> {
  const writer = new StreamWriter({
    recording: id,
    stream: 'cast',
    signer: agent,
    sha256: crypto.sha256,
    certificate,
    facts,
  })
  const parts: Uint8Array[] = []
  const add = (bytes: Uint8Array) => {
    writer.body(bytes)
    parts.push(bytes)
  }
  const first = encodeHeader(header)
  const line = new TextEncoder().encode('[0.5, "o", "before the bomb\\r\\n"]\n')
  parts.push(writer.head({ startUs: 0, wallMs: facts.startedMs }))
  const good = openZstdBody()
  await good.write(Buffer.concat([first, line]))
  add(await good.end())
  parts.push(writer.seal({ endUs: 1_000_000, rawBytes: first.length + line.length }))
  parts.push(writer.head({ startUs: 1_000_000, wallMs: facts.startedMs + 1000 }))
  add(body)
  if (rawBytes !== undefined) {
    parts.push(writer.seal({ endUs: 9_000_000, rawBytes }))
    parts.push(...writer.end({ endUs: 9_000_000, reason: 'exit', exit: 0 }))
  }
  const bytes = Buffer.concat(parts)
  return {
    recording: recordingOf(id, {
      durationMs: 9000,
      bytes: bytes.length,
      state: rawBytes === undefined ? 'dormant' : 'complete',
    }),
    bytes,
  }
}
