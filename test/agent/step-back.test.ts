import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import anyTest from 'ava'

const module = fileURLToPath(new URL('../../agent/step-back.ts', import.meta.url))
const groups = existsSync('/proc/self/autogroup')
const test = groups ? anyTest : anyTest.skip

/** The niceness of a process that steps back, and of its new session: it leads that as a service does, or a shell does. */
async function steppedBack(leads: boolean): Promise<{ own: number; session: number }> {
  const script = `import { readFileSync } from 'node:fs'
import { getPriority } from 'node:os'
import { stepBack } from '${module}'
stepBack(7)
const session = Number(/nice (-?\\d+)/.exec(readFileSync('/proc/self/autogroup', 'utf8'))[1])
console.log(JSON.stringify({ own: getPriority(), session }))`
  const args = ['--disable-warning=ExperimentalWarning', '--input-type=module', '-e', script]
  const [program = '', ...rest] = [
    ...(leads ? [] : ['sh', '-c', '"$@"; exit', 'sh']),
    process.execPath,
    ...args,
  ]
  const child = spawn(program, rest, { detached: true, stdio: ['ignore', 'pipe', 'inherit'] })
  return JSON.parse(await text(child.stdout))
}

test(`the session of a service steps back with it, a session of others does not${groups ? '' : ' (needs autogroups)'}`, async (t) => {
  t.deepEqual(await steppedBack(true), { own: 7, session: 7 })
  t.deepEqual(await steppedBack(false), { own: 7, session: 0 })
})
