import test from 'ava'
import fc from 'fast-check'
import { type ConfigText, parseConfig, writeConfig } from '../../lb/config-text.ts'
import { renderHaproxy } from '../../lb/render-haproxy.ts'
import { arbitraryFarm } from './arbitrary-farm.ts'

const word = fc
  .string({ unit: 'binary', maxLength: 12 })
  .filter((text) => !/[\u0000-\u001f\u007f]/.test(text))
/** What stands first on a line, and may not be taken for a comment. */
const keyword = fc.stringMatching(/^[a-z][a-z-]{0,12}$/)
const words = fc.tuple(keyword, fc.array(word, { maxLength: 5 })).map(([first, more]) => [first, ...more])
const comment = fc.string({ maxLength: 30 }).map((text) => text.replace(/[\u0000-\u001f\u007f]/g, '').trim())
const reason = fc
  .array(comment, { maxLength: 3 })
  .map((lines) => lines.filter((line) => line !== '').join('\n'))
const directive = fc.record({ words, reason })
const config: fc.Arbitrary<ConfigText> = fc.record({
  opening: comment.map((text) => `It is ${text}`.trim()),
  sections: fc.array(fc.record({ words, reason, directives: fc.array(directive, { maxLength: 4 }) }), {
    maxLength: 4,
  }),
})

test('what is written is read again, whatever the words are', (t) => {
  fc.assert(
    fc.property(config, (written) => {
      t.deepEqual(parseConfig(writeConfig(written)), written)
    }),
  )
})

test('the configuration of any farm is read and written again to the byte, for each balancer', (t) => {
  fc.assert(
    fc.property(arbitraryFarm, (farm) => {
      for (const balancer of farm.balancers) {
        const text = renderHaproxy(farm, balancer)
        t.is(writeConfig(parseConfig(text)), text)
      }
    }),
    { numRuns: 50 },
  )
})

test('no word can end its line or bring another', (t) => {
  const write = (text: string) =>
    writeConfig({ opening: 'x', sections: [{ words: ['global', text], reason: '', directives: [] }] })
  for (const text of ['a\nb', 'a\r', 'a\u0000b']) t.throws(() => write(text), { instanceOf: RangeError })
  t.is(write("it's a # b").split('\n')[2], String.raw`global 'it'\''s a # b'`)
})

test('what Tapedeck does not write is refused with its line', (t) => {
  t.throws(() => parseConfig('# x\n\nglobal\n    log "$HOME"\n'), {
    code: 'config-text',
    message: /^Line 4 /,
  })
  t.throws(() => parseConfig('# x\n\n    stray\n'), { code: 'config-text', message: /^Line 3 / })
})
