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
    desktops: { find: false, named: [] },
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
    /quotaMib: expected one of url, ca, host, desktops, messageLifeS, quotaMiB/,
    /url: expected https:.*"ftp:\/\/x"/,
    /ca: expected a file name, got 7/,
    /host: expected true or false, got "yes"/,
    /messageLifeS: expected a number from 60 to 31536000, got 59/,
    /quotaMiB: expected .*, got "1"/,
  ])
    t.regex(error!.message, part)
})

test('desktops: none by default, those of its users on a host, and as the config says', (t) => {
  const parse = (more: object) =>
    parseAgentConfig('/h', JSON.stringify({ url: 'https://f', ...more })).desktops
  t.deepEqual(parse({ host: true }), { find: true, named: [] })
  t.deepEqual(parse({ host: true, desktops: false }), { find: false, named: [] })
  t.deepEqual(parse({ desktops: { lossy: true } }), {
    find: false,
    lossy: { quality: 60, pictureColours: 512, videoPicturesPerSecond: 4, dropVideo: false },
    named: [],
  })
  const named = [
    { display: ':3', xauthority: '/run/x' },
    { path: '/run/vnc', passwordFile: '/etc/vnc', user: 'kiosk' },
    { port: 5901 },
  ]
  t.deepEqual(parse({ desktops: { find: true, lossy: { quality: 80, dropVideo: true }, named } }), {
    find: true,
    lossy: { quality: 80, pictureColours: 512, videoPicturesPerSecond: 4, dropVideo: true },
    named: [
      { name: ':3', display: ':3', xauthority: '/run/x' },
      { name: '/run/vnc', address: { path: '/run/vnc' }, passwordFile: '/etc/vnc', user: 'kiosk' },
      { name: 'port 5901', address: { port: 5901 } },
    ],
  })
})

test('desktops: every wrong value is named at once', (t) => {
  const named = [
    {},
    { display: '3' },
    { display: ':1', passwordFile: '/p' },
    { port: 0, xauthority: '/x' },
    { path: 'vnc.sock', port: 1 },
    { path: 'vnc.sock', user: 7 },
    { port: 5901 },
    { port: 5901, host: 'elsewhere' },
    'x',
  ]
  const desktops = { find: 'yes', quality: 3, lossy: { quality: 0, dropVideo: 1, smooth: true }, named }
  const error = t.throws(() => parseAgentConfig('/h', JSON.stringify({ url: 'https://f', desktops })), {
    code: 'config',
  })
  for (const part of [
    'desktops.quality: expected one of find, lossy, named',
    'desktops.find: expected true or false, got "yes"',
    'desktops.lossy.smooth: expected one of quality, pictureColours, videoPicturesPerSecond, dropVideo',
    'desktops.lossy.quality: expected a number from 1 to 95, got 0',
    'desktops.lossy.dropVideo: expected true or false, got 1',
    'desktops.named[0]: expected one of display, path and port',
    'desktops.named[1].display: expected one such as ":1", got "3"',
    'desktops.named[2].passwordFile: has no meaning for a display',
    'desktops.named[3].port: expected a port of this host from 1 to 65535, got 0',
    'desktops.named[3].xauthority: has no meaning for a server',
    'desktops.named[4]: expected one of display, path and port',
    'desktops.named[5].path: expected an absolute path, got "vnc.sock"',
    'desktops.named[5].user: expected a name, got 7',
    'desktops.named[7].host: expected one of display, xauthority, path, port, passwordFile, user',
    'desktops.named: port 5901 is there twice',
    'desktops.named[8]: expected an object, got "x"',
  ])
    t.true(error!.message.includes(part), `${part} in ${error!.message}`)
  t.throws(() => parseAgentConfig('/h', '{"url":"https://f","desktops":7}'), {
    message: /desktops: expected true, false or an object, got 7/,
  })
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
