import { existsSync } from 'node:fs'
import { join } from 'node:path'
import test from 'ava'
import { recordingPath } from '../../format/recording-id.ts'
import { startApart } from '../helpers/apart.ts'
import { eventually } from '../helpers/eventually.ts'
import { openPty } from '../helpers/pty.ts'
import { difference, exportedOutput, printed, recordingOf } from '../helpers/recorded.ts'

test('an agent that was killed leaves its recording dormant and marked; when it returns, it is live and then complete', async (t) => {
  const farm = await startApart()
  t.teardown(() => farm.stop())
  const pty = openPty(farm.recordCommand('sh'))
  t.teardown(pty.kill)
  await pty.waitFor('# ')
  const is = (state: string, bytes = 0) =>
    recordingOf(farm, 'sh', (row) => row.state === state && row.bytes > bytes)
  const { id } = await is('live')
  const mark = join(farm.home, 'node', 'recordings', `${recordingPath(id)}.farm`)
  t.false(existsSync(mark))

  await farm.agent.end('SIGKILL')
  const killedMs = Date.now()
  pty.write('echo nobody listens\r')
  await pty.waitFor('\nnobody listens')
  const { bytes } = await is('dormant')
  t.log(`dormant after ${Math.round((Date.now() - killedMs) / 1000)} s`)
  t.is((await farm.tapedeck('verify', id)).status, 1)
  await eventually(() => {
    if (!existsSync(mark)) throw new Error('not marked')
  })

  await farm.agent.start()
  await is('live', bytes)
  await eventually(() => {
    if (existsSync(mark)) throw new Error('still marked')
  })
  pty.write('exit\r')
  t.is(await pty.exit, 0)
  await is('complete')
  t.is(difference(await exportedOutput(farm, id), printed(pty)), undefined)
  t.is((await farm.tapedeck('verify', id)).status, 0)
})
