import assert from 'node:assert'
import xtermHeadless from '@xterm/headless'
import type { Terminal } from '@xterm/xterm'
import test from 'ava'
import fc from 'fast-check'
import { decodePicture, encodePicture } from '../../format/picture-bytes.ts'
import { TerminalGuard } from '../../format/terminal-guard.ts'
import { restoreSnapshot, takeSnapshot } from '../../format/terminal-snapshot.ts'

// An emulator that was given a snapshot goes on as the one it was taken of, whatever came before and comes after: what a
// seek needs to be exact. The headless build has the same core as the browser's, which test/e2e/browser-seek drives.

type Op = string | { columns: number; rows: number }

const number = fc.nat({ max: 12 })
const csi = (finals: string, parameters = 2) =>
  fc
    .tuple(fc.array(number, { maxLength: parameters }), fc.constantFrom(...finals))
    .map(([values, final]) => `\u001b[${values.join(';')}${final}`)
const colour = fc.constantFrom('5;208', '2;10;200;30', '5;3')
const style = fc.oneof(
  fc.constantFrom(
    '0',
    '1',
    '2',
    '3',
    '4',
    '4:3',
    '21',
    '5',
    '7',
    '8',
    '9',
    '22',
    '24',
    '27',
    '53',
    '31',
    '102',
  ),
  colour.map((value) => `38;${value}`),
  colour.map((value) => `48;${value}`),
  colour.map((value) => `58;${value}`),
)
const op: fc.Arbitrary<Op> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.string({
      unit: fc.constantFrom('a', 'b', ' ', '漢', 'é', 'e\u0301', '👍', 'x'),
      maxLength: 30,
    }),
  },
  { weight: 4, arbitrary: csi('ABCDEFGHLMPSTXZ@`adefbrsuIJKg') },
  { weight: 4, arbitrary: style.map((value) => `\u001b[${value}m`) },
  { weight: 3, arbitrary: fc.constantFrom('\r\n', '\r', '\n', '\t', '\b', '\u000e', '\u000f') },
  {
    weight: 3,
    arbitrary: fc
      .tuple(
        fc.constantFrom('?6', '?7', '?12', '?25', '?45', '?47', '?1047', '?1048', '?1049', '4', '20'),
        fc.constantFrom('h', 'l'),
      )
      .map(([mode, set]) => `\u001b[${mode}${set}`),
  },
  {
    weight: 3,
    arbitrary: fc.constantFrom(
      '\u001b7',
      '\u001b8',
      '\u001bD',
      '\u001bE',
      '\u001bH',
      '\u001bM',
      '\u001b(0',
      '\u001b(B',
      '\u001b)0',
    ),
  },
  {
    weight: 2,
    arbitrary: fc.constantFrom(
      '\u001b[!p',
      '\u001bc',
      '\u001b[?2J',
      '\u001b[1"q',
      '\u001b[0"q',
      '\u001b#8',
      '\u001b[3 q',
    ),
  },
  {
    weight: 1,
    arbitrary: fc.record({ columns: fc.integer({ min: 2, max: 24 }), rows: fc.integer({ min: 1, max: 9 }) }),
  },
)
const ops = fc.array(op, { maxLength: 40 })

class Screen {
  readonly terminal: Terminal
  readonly guard = new TerminalGuard()

  constructor(columns: number, rows: number) {
    const { Terminal: Headless } = xtermHeadless
    this.terminal = new Headless({
      cols: columns,
      rows,
      scrollback: 0,
      allowProposedApi: true,
    }) as unknown as Terminal
    this.guard.resize(columns, rows)
  }

  async run(list: Op[]): Promise<void> {
    for (const each of list) {
      if (typeof each === 'string') await this.#write(this.guard.push(each))
      else {
        this.guard.resize(each.columns, each.rows)
        this.terminal.resize(each.columns, each.rows)
      }
    }
  }

  #write(text: string): Promise<void> {
    return new Promise((resolve) => this.terminal.write(text, resolve))
  }

  /** All that can be seen: cells with their attributes, cursor, modes. */
  look(): unknown {
    const { active } = this.terminal.buffer
    const rows = Array.from({ length: active.length }, (_, y) => {
      const line = active.getLine(y)!
      return Array.from({ length: line.length }, (_, x) => {
        const cell = line.getCell(x)! as unknown as Record<string, () => unknown>
        const { fg, bg, extended } = cell as unknown as { fg: number; bg: number; extended: { ext: number } }
        return [cell.getChars!(), cell.getWidth!(), fg, bg, extended.ext].join()
      }).concat(String(line.isWrapped))
    })
    const { cursorX, cursorY, baseY, type } = active
    return { rows, cursorX, cursorY, baseY, type, modes: this.terminal.modes }
  }
}

test('an emulator given a snapshot, kept or written down, goes on as the one it was taken of', async (t) => {
  await fc.assert(
    fc.asyncProperty(ops, ops, ops, fc.boolean(), async (before, after, stale, written) => {
      const played = new Screen(12, 5)
      await played.run(before)
      const taken = { screen: takeSnapshot(played.terminal), carried: played.guard.carried }
      const { screen: snapshot, carried } = written ? decodePicture(encodePicture(taken)) : taken
      const look = played.look()
      await played.run(after)

      // The one that is given the snapshot showed something else, of another size.
      const sought = new Screen(20, 7)
      await sought.run(stale)
      const seek = () => {
        restoreSnapshot(sought.terminal, snapshot)
        sought.guard.resize(snapshot.columns, snapshot.rows)
        sought.guard.carryOn(carried)
      }
      seek()
      assert.deepStrictEqual(sought.look(), look)
      await sought.run(after)
      assert.deepStrictEqual(sought.look(), played.look())
      // A snapshot is kept and used again.
      seek()
      assert.deepStrictEqual(sought.look(), look)
    }),
    { numRuns: 400, includeErrorInReport: true },
  )
  t.pass()
})
