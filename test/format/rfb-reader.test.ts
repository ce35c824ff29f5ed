import test from 'ava'
import fc from 'fast-check'
import { concatBytes } from '../../format/bytes.ts'
import { FormatError } from '../../format/format-error.ts'
import { encoding, type RfbPart, RfbReader } from '../../format/rfb-reader.ts'

const all = Object.values(encoding)
const reader = (encodings: readonly number[] = all) => new RfbReader({ width: 64, height: 48, encodings })

function u16(...values: number[]): number[] {
  return values.flatMap((value) => [value >> 8, value & 0xff])
}

function i32(value: number): number[] {
  return [value >> 24, value >> 16, value >> 8, value].map((byte) => byte & 0xff)
}

function rectangle(
  kind: number,
  x: number,
  y: number,
  width: number,
  height: number,
  content: number[] = [],
): number[] {
  return [...u16(x, y, width, height), ...i32(kind), ...content]
}

function update(...rectangles: number[][]): number[] {
  return [0, 0, ...u16(rectangles.length), ...rectangles.flat()]
}

const pixels = Array.from({ length: 3 * 2 * 4 }, (_, i) => i)
const session = [
  ...update(rectangle(encoding.extendedDesktopSize, 0, 0, 64, 48, [1, 0, 0, 0, ...Array(16).fill(7)])),
  2,
  ...[3, 0, 0, 0, ...i32(5), ...Array(5).fill(65)],
  ...[3, 0, 0, 0, ...i32(-8), ...Array(8).fill(66)],
  ...[1, 0, ...u16(0, 2), ...Array(12).fill(9)],
  ...update(
    rectangle(encoding.raw, 1, 2, 3, 2, pixels),
    rectangle(encoding.copyRect, 0, 0, 5, 5, u16(9, 9)),
    rectangle(encoding.raw, 9, 9, 0, 4),
    rectangle(encoding.tight, 0, 0, 8, 8, [0x90, 0x83, 0x01, ...Array(131).fill(1)]),
    rectangle(encoding.desktopSize, 0, 0, 32, 32),
    rectangle(encoding.raw, 31, 31, 1, 1, [1, 2, 3, 4]),
  ),
]

// Contents joined, since where they are divided depends on the pieces.
function read(pieces: Uint8Array[]): unknown[] {
  const from = reader()
  const parts: unknown[] = []
  for (const piece of pieces) {
    from.push(piece)
    for (let part = from.next(); part; part = from.next()) {
      const last = parts.at(-1) as RfbPart | undefined
      if (part.kind === 'content' && last?.kind === 'content')
        last.bytes = concatBytes([last.bytes, part.bytes])
      else parts.push(part.kind === 'content' ? { ...part, bytes: new Uint8Array(part.bytes) } : part)
    }
  }
  return [...parts, { width: from.width, height: from.height, idle: from.idle }]
}

test('the parts of a session', (t) => {
  const parts = read([new Uint8Array(session)])
  t.snapshot(parts)
})

test('the same parts come of one byte at a time, and of any pieces', (t) => {
  const whole = read([new Uint8Array(session)])
  t.deepEqual(read(session.map((byte) => new Uint8Array([byte]))), whole)
  fc.assert(
    fc.property(fc.array(fc.nat(session.length), { maxLength: 8 }), (cuts) => {
      const at = [0, ...cuts.toSorted((a, b) => a - b), session.length]
      const pieces = at.slice(1).map((end, i) => new Uint8Array(session.slice(at[i], end)))
      t.deepEqual(read(pieces), whole)
    }),
  )
})

const hostile: Record<string, { bytes: number[]; code: string; encodings?: number[] }> = {
  'an unknown message': { bytes: [255], code: 'rfb-message' },
  'a clipboard without end': { bytes: [3, 0, 0, 0, 0x7f, 0xff, 0xff, 0xff], code: 'rfb-message' },
  'a rectangle over the right edge': {
    bytes: update(rectangle(encoding.raw, 60, 0, 5, 1)),
    code: 'rfb-rectangle',
  },
  'a rectangle over the lower edge': {
    bytes: update(rectangle(encoding.copyRect, 0, 48, 1, 1)),
    code: 'rfb-rectangle',
  },
  'an encoding that nobody asked for': {
    bytes: update(rectangle(encoding.tight, 0, 0, 1, 1)),
    code: 'rfb-encoding',
    encodings: [encoding.raw],
  },
  ZRLE: { bytes: update(rectangle(16, 0, 0, 1, 1)), code: 'rfb-encoding' },
  'endless pixels in one update': {
    bytes: update(...Array(3).fill(rectangle(encoding.copyRect, 0, 0, 64, 48, u16(0, 0)))),
    code: 'rfb-update-size',
  },
  'a screen of 65,535 pixels squared': {
    bytes: update(rectangle(encoding.desktopSize, 0, 0, 65_535, 65_535)),
    code: 'rfb-screen-size',
  },
  'a screen without pixels': {
    bytes: update(rectangle(encoding.extendedDesktopSize, 0, 0, 0, 48, [0, 0, 0, 0])),
    code: 'rfb-screen-size',
  },
  'zlib in Tight': { bytes: update(rectangle(encoding.tight, 0, 0, 8, 8, [0, 1])), code: 'rfb-tight' },
  'a JPEG of no bytes': {
    bytes: update(rectangle(encoding.tight, 0, 0, 8, 8, [0x90, 0])),
    code: 'rfb-tight',
  },
  'a JPEG of 4 MB': {
    bytes: update(rectangle(encoding.tight, 0, 0, 8, 8, [0x90, 0xff, 0xff, 0xff])),
    code: 'rfb-tight',
  },
}

for (const [name, { bytes, code, encodings }] of Object.entries(hostile))
  test(`refused: ${name}`, (t) => {
    const from = reader(encodings)
    from.push(new Uint8Array(bytes))
    const error = t.throws<FormatError>(
      () => {
        while (from.next());
      },
      { instanceOf: FormatError },
    )
    t.is(error?.code, code)
  })

test('noise is refused or waits for more, whatever it is', (t) => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (noise) => {
      const from = reader()
      try {
        from.push(concatBytes([new Uint8Array([0, 0]), noise]))
        while (from.next());
      } catch (error) {
        if (!(error instanceof FormatError)) throw error
      }
    }),
  )
  t.pass()
})
