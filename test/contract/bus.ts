import assert from 'node:assert/strict'
import type { ExecutionContext } from 'ava'
import { textOf, utf8 } from '../../format/bytes.ts'
import type { Bus } from '../../node/bus/bus.ts'
import { openQuestions } from '../../node/bus/questions.ts'
import { eventually } from '../helpers/eventually.ts'

/** What every bus between processes does. `open` gives three members of one farm. */
export async function busContract(
  t: ExecutionContext,
  [first, second, third]: [Bus, Bus, Bus],
): Promise<void> {
  t.is(new Set([first.id, second.id, third.id]).size, 3)
  const heard: string[] = []
  const note = (who: string) => (payload: Uint8Array, from: string) =>
    void heard.push(`${who} ${textOf(payload)} ${from === first.id}`)
  first.subscribe('greeting', note('first'))
  const stop = second.subscribe('greeting', note('second'))
  third.subscribe('greeting', note('third'))
  third.subscribe('other', note('other'))
  // A subscription takes a moment to reach everybody.
  await eventually(() => {
    first.publish('greeting', utf8('hello'))
    if (!heard.includes('second hello true') || !heard.includes('third hello true'))
      throw new Error(`Heard: ${heard}`)
  })
  t.false(heard.some((line) => line.startsWith('first') || line.startsWith('other')))

  // In order, and bytes as they were.
  const bytes = Uint8Array.from({ length: 70_000 }, (_, i) => i % 256)
  const came: Uint8Array[] = []
  third.subscribe('bytes', (payload) => void came.push(Uint8Array.from(payload)))
  await eventually(() => {
    first.publish('bytes', new Uint8Array([0]))
    if (came.length === 0) throw new Error('Nothing came.')
  })
  for (let i = 1; i <= 20; i++) first.publish('bytes', new Uint8Array([i]))
  first.publish('bytes', bytes)
  await eventually(() => {
    if (came.at(-1)?.length !== bytes.length) throw new Error('The last one has not come.')
  })
  t.deepEqual(came.at(-1), bytes)
  t.deepEqual(
    came.slice(-21, -1).map((one) => one[0]),
    Array.from({ length: 20 }, (_, i) => i + 1),
  )

  stop()
  await eventually(() => {
    const before = heard.length
    first.publish('greeting', utf8('again'))
    if (heard.slice(before).some((line) => line.startsWith('second'))) throw new Error('It still listens.')
  })

  const asking = openQuestions(first)
  const knowing = openQuestions(second)
  const silent = openQuestions(third)
  knowing.answer('square', (question) => utf8(String((question as number) ** 2)))
  silent.answer('square', () => undefined)
  await eventually(async () => {
    const answers = await Promise.all([3, 4, 5].map((n) => asking.ask('square', n, 2000)))
    assert.deepEqual(
      answers.map((answer) => answer && textOf(answer)),
      ['9', '16', '25'],
    )
  })
  t.is(await openQuestions(second).ask('nobody-knows', 1, 50), undefined)
  asking.close()
}
