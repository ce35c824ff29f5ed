import { spawn } from 'node:child_process'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import test from 'ava'
import { temporaryFolder } from '../helpers/test-node.ts'

const main = fileURLToPath(new URL('../../agent/main.ts', import.meta.url))

/** Runs the agent's program until it ends; its log, a line an object. */
function run(...args: string[]): Promise<{ status: number | null; log: { code?: string; msg: string }[] }> {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', main, ...args])
    let text = ''
    child.stdout.on('data', (chunk) => {
      text += chunk
    })
    child.on('close', (status) =>
      resolve({
        status,
        log: text
          .split('\n')
          .filter(Boolean)
          .map((line) => JSON.parse(line)),
      }),
    )
  })
}

test('what it cannot start with is said in one line, with a code', async (t) => {
  const home = await temporaryFolder(t)
  t.like(await run(), { status: 2, log: [{ code: 'usage' }] })
  t.like(await run(home), { status: 1, log: [{ code: 'config' }] })
  await writeFile(join(home, 'agent.json'), '{"url":"https://localhost:1","quotaMiB":1}')
  const wrong = await run(home)
  t.like(wrong, { status: 1, log: [{ code: 'config' }] })
  t.regex(wrong.log[0]!.msg, /quotaMiB: expected a number from 16/)
  await writeFile(join(home, 'agent.json'), '{"url":"https://localhost:1"}')
  t.like(await run(home), { status: 1, log: [{ code: 'not-enrolled' }] })
})
