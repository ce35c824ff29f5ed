import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import test from 'ava'
import { loadAgentConfig, parseAgentConfig } from '../../agent/config.ts'
import { temporaryFolder } from '../helpers/test-node.ts'

test('what the file says, and the defaults', async (t) => {
  const home = await temporaryFolder(t)
  await writeFile(join(home, 'agent.json'), '{"url":"https://farm.example:8443","ca":"ca.crt"}')
  t.deepEqual(await loadAgentConfig(home), {
    home,
    url: 'https://farm.example:8443',
    ca: 'ca.crt',
    host: false,
    messageLifeS: 604_800,
    quotaMiB: 2048,
  })
  t.like(parseAgentConfig('/h', '{"url":"http://[::1]:80/","messageLifeS":60,"quotaMiB":16}'), {
    url: 'http://[::1]:80/',
    messageLifeS: 60,
    quotaMiB: 16,
  })
})

test('every wrong value is named at once', (t) => {
  const error = t.throws(
    () =>
      parseAgentConfig(
        '/h',
        JSON.stringify({ url: 'ftp://x', ca: 7, messageLifeS: 59, quotaMiB: '1', quotaMib: 5, host: 'yes' }),
      ),
    { code: 'config' },
  )
  for (const part of [
    /quotaMib: expected one of url, ca, host, messageLifeS, quotaMiB/,
    /url: expected https:.*"ftp:\/\/x"/,
    /ca: expected a file name, got 7/,
    /host: expected true or false, got "yes"/,
    /messageLifeS: expected a number from 60 to 31536000, got 59/,
    /quotaMiB: expected .*, got "1"/,
  ])
    t.regex(error!.message, part)
})

test('what is no config at all', async (t) => {
  for (const text of ['', '{', 'null', '[]', '7', '"x"'])
    t.throws(() => parseAgentConfig('/h', text), { code: 'config' })
  for (const url of [
    undefined,
    '',
    'https://',
    'https://a b',
    'https://x:99999999',
    'https://x/path',
    'https://[::1',
  ])
    t.throws(
      () => parseAgentConfig('/h', JSON.stringify({ url })),
      { code: 'config', message: /url: / },
      String(url),
    )
  await t.throwsAsync(loadAgentConfig(await temporaryFolder(t)), { code: 'config', message: /not enrolled/ })
})
