import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import test from 'ava'
import type { Locator, Page } from 'playwright-core'
import { openClient } from '../../appliance/client.ts'
import { homePaths } from '../../appliance/home.ts'
import { type BrowserTest, browserTests, notSignedIn } from '../helpers/browser.ts'
import { eventually } from '../helpers/eventually.ts'
import { openPty } from '../helpers/pty.ts'
import { makeIdentities, makeStream, sampleId, typingEvents } from '../helpers/sample-stream.ts'
import { until } from '../helpers/test-node.ts'
import { type Listed, startUp, type Up } from '../helpers/up.ts'
import {
  atRest,
  isPlaying,
  openPlayer,
  position,
  positionIs,
  screenText,
  textShown,
} from '../web/player-page.ts'

// The whole product with a person before it: `tapedeck up`, a recorded shell on a real PTY, and Chromium.

const browserTest: BrowserTest = browserTests()
const password = 'correct horse battery'
let up: Up

test.before('the product starts', async () => {
  up = await startUp()
  await call('POST', '/api/users', { name: 'rosa', password, roles: ['Player'] })
  await call('POST', '/api/users', { name: 'niels', password, roles: ['LoggingReader'] })
})
test.after.always('the product stops', () => up?.stop())

async function call<T>(method: string, path: string, body?: unknown): Promise<T> {
  const client = await openClient(homePaths(up.home), {})
  try {
    return await client.call<T>(method, path, body)
  } finally {
    client.close()
  }
}

async function signIn(page: Page, user: string, secret = password): Promise<void> {
  await page.getByLabel('User').fill(user)
  await page.getByLabel('Password').fill(secret)
  await page.getByTestId('sign-in').click()
}

/** The row of the recording whose command this is, once the list shows it. */
async function listed(command: string): Promise<Listed> {
  return eventually(async () => {
    const row = (await up.json<Listed[]>('list')).find((found) => found.command.includes(command))
    if (!row) throw new Error(`${command} is not listed.`)
    return row
  })
}

function linkTo(page: Page, id: string): Locator {
  return page.locator(`[data-testid=recording-link][data-recording="${id}"]`)
}

browserTest('a session is watched as it is typed, rewound, finished and replayed', async (t, open) => {
  const page = await open(up.link, { expected: [notSignedIn] })
  await page.getByTestId('empty').waitFor()
  t.is(new URL(page.url()).hash, '', 'the one-time link does not stay in the address')

  const shell = openPty(up.recordCommand('bash', '--norc', '-i'))
  t.teardown(() => shell.kill())
  await shell.waitFor('# ')
  shell.write("PS1='ready''> '\r")
  await shell.waitFor('ready> ')
  const { id } = await listed('bash --norc')
  await linkTo(page, id).waitFor()
  await until(async () => (await page.getByTestId('live-count').textContent()) === '1 live')
  t.is(
    await page
      .locator('tr', { has: linkTo(page, id) })
      .getByTestId('live-pill')
      .textContent(),
    'LIVE',
  )

  await linkTo(page, id).click()
  await textShown(page, 'ready>')
  await page.getByTestId('live-pill').waitFor()
  shell.write('echo first-$((40 + 2))\r')
  await textShown(page, 'first-42')
  const firstUs = await position(page)
  // Letter by letter: nothing waits for the end of a line.
  shell.write('echo ha')
  await textShown(page, /ready> echo ha$/m)
  shell.write('lf\r')
  await textShown(page, /^half$/m)

  await page.keyboard.press('Home')
  await until(async () => !(await screenText(page)).includes('first-42'))
  await page.getByTestId('go-live').waitFor()
  t.true(await isPlaying(page), 'after a rewind it plays on')
  await page.getByTestId('play').click()
  await until(async () => !(await isPlaying(page)))
  await page.goto(`${up.url}/recordings/${id}?t=${firstUs / 1e6}`)
  await textShown(page, 'first-42')
  t.false((await screenText(page)).includes('half'), 'it shows that moment and no later one')
  await positionIs(page, firstUs)

  await page.getByTestId('go-live').click()
  await textShown(page, /^half$/m)
  shell.write('printf "\\033[41mred\\033[0m the end\\n"; exit 3\r')
  await textShown(page, 'red the end')
  t.is(await shell.exit, 3)
  await page.getByTestId('live-pill').waitFor({ state: 'detached' })
  await atRest(page)
  const final = await screenText(page)

  // What was watched becomes an ordinary recording without opening it again.
  await page.keyboard.press('Home')
  await until(async () => !(await screenText(page)).includes('half'))
  await page.keyboard.press('End')
  await positionIs(page, await endUs(page))
  t.is(await screenText(page), final)
  await page.reload()
  await openPlayer(page)
  await page.keyboard.press('End')
  await textShown(page, 'red the end')
  t.is(await screenText(page), final)
  await page.getByTestId('speed').selectOption('32')
  await page.keyboard.press('Home')
  await page.getByTestId('play').click()
  await until(async () => !(await isPlaying(page)), 60_000)
  await atRest(page)
  t.is(await screenText(page), final, 'played to its end it is the same screen')

  const verdict = page.getByTestId('verdict')
  await verdict.waitFor()
  t.is(await verdict.getAttribute('data-whole'), 'true')
  t.regex((await page.getByTestId('verify').textContent())!, /exit status 3/)
})

async function endUs(page: Page): Promise<number> {
  return Number(await page.getByTestId('seek-bar').getAttribute('data-end-us'))
}

browserTest('a one-time link works once, and harms nobody who is signed in', async (t, open) => {
  const { url } = await up.json<{ url: string }>('link', 'rosa')
  const page = await open(url, { expected: [notSignedIn] })
  await page.getByTestId('search').waitFor()
  // The same page again, only with another fragment: it is not loaded anew.
  await page.goto(`${up.url}/sign-in`)
  await page.getByTestId('search').waitFor()
  await page.goto(url)
  await page.getByTestId('search').waitFor()
  t.is(new URL(page.url()).pathname, '/')
  const other = await open(url, { expected: [notSignedIn] })
  await other.getByTestId('sign-in-error').waitFor()
  t.regex((await other.getByTestId('sign-in-error').textContent())!, /used already, or is too old/)
  t.is(new URL(other.url()).hash, '')
  await other.goto((await up.json<{ url: string }>('link', 'rosa')).url)
  await other.getByTestId('search').waitFor()
})

browserTest('a user signs in by password, changes it, and signs out', async (t, open) => {
  const page = await open(`${up.url}/account`, { expected: [notSignedIn] })
  await signIn(page, 'rosa', 'not this one at all')
  await page.getByTestId('sign-in-error').waitFor()
  await signIn(page, 'rosa')
  await page.getByRole('heading', { name: 'rosa' }).waitFor()
  t.true(page.url().endsWith('/account'), 'the page that was asked for opens after signing in')
  await page.getByLabel('Present password').fill(password)
  await page.getByLabel('New password', { exact: true }).fill(`${password} 2`)
  await page.getByLabel('New password again').fill(`${password} 2`)
  await page.getByRole('button', { name: 'Change password' }).click()
  await page.getByText('The password is changed.').waitFor()
  await page.getByTestId('account-menu').click()
  await page.getByTestId('sign-out').click()
  await page.getByTestId('sign-in').waitFor()
  await page.goto(up.url)
  await signIn(page, 'rosa')
  await page.getByTestId('sign-in-error').waitFor()
  await signIn(page, 'rosa', `${password} 2`)
  await page.getByTestId('search').waitFor()
  await call('PATCH', '/api/users/rosa', { password })
})

browserTest('who lacks the role Player sees which role is missing, and no recording', async (t, open) => {
  const page = await open(up.url, { expected: [notSignedIn, /status of 403/] })
  await signIn(page, 'niels')
  await page.getByTestId('missing-role').waitFor()
  t.regex((await page.getByTestId('missing-role').textContent())!, /You need the role Player/)
  t.is(await page.getByTestId('recording-link').count(), 0)
  const [row] = await up.json<Listed[]>('list')
  await page.goto(`${up.url}/recordings/${row?.id ?? sampleId(9)}`)
  await page.getByTestId('missing-role').waitFor()
  t.is(await page.getByTestId('player').count(), 0)
})

browserTest(
  'a share link opens its moment, and not when changed, expired or without the role',
  async (t, open) => {
    const recorded = openPty(up.recordCommand('sh', '-c', 'echo early; sleep 2; echo late'))
    t.is(await recorded.exit, 0)
    const { id } = await listed('echo early')
    const rosa = await open(up.url, { expected: [notSignedIn, /status of 4(03|10)/] })
    await signIn(rosa, 'rosa')
    await rosa.getByTestId('search').waitFor()
    await until(async () => (await call<Listed>('GET', `/api/recordings/${id}`)).state === 'complete', 20_000)
    await rosa.goto(`${up.url}/recordings/${id}?t=1`)
    await openPlayer(rosa)
    await rosa.getByTestId('share').click()
    const url = await rosa.getByTestId('share-url').getAttribute('data-url')
    await rosa.goto(url!)
    await textShown(rosa, 'early')
    await positionIs(rosa, 1_000_000)
    t.false((await screenText(rosa)).includes('late'))

    const token = url!.slice(url!.lastIndexOf('/') + 1)
    const flipped = `${token.slice(0, 20)}${token[20] === 'A' ? 'B' : 'A'}${token.slice(21)}`
    await rosa.goto(`${up.url}/s/${flipped}`)
    t.regex((await rosa.getByTestId('error').textContent())!, /was not made here, or was changed/)

    const brief = await call<{ url: string; expires: string }>('POST', `/api/recordings/${id}/links`, {
      timeUs: 0,
      expiresInS: 1,
    })
    await until(() => Date.now() > Date.parse(brief.expires))
    await rosa.goto(up.url + brief.url)
    await rosa.getByTestId('link-expired').waitFor()

    const niels = await open(url!, { expected: [notSignedIn, /status of 403/] })
    await signIn(niels, 'niels')
    await niels.getByTestId('missing-role').waitFor()
  },
)

browserTest('follow up leads through all recordings of a session', async (t, open) => {
  const farmPem = await readFile(join(up.home, 'farm', 'farm.key'), 'utf8')
  const identities = makeIdentities(farmPem)
  const ids: string[] = []
  for (const part of [0, 1]) {
    const { bytes, recording } = await makeStream(
      identities,
      [typingEvents(20), [{ timeUs: 3_000_000, code: 'o', data: `this is part ${part + 1}\r\n` }]],
      { recording: sampleId(70 + part), facts: { sequence: part } },
    )
    const file = join(up.home, `part-${part}.cast.zst`)
    await writeFile(file, bytes)
    t.is((await up.tapedeck('import', file)).status, 0)
    ids.push(recording)
  }
  const [first, second] = ids
  const page = await open(`${up.url}/recordings/${first}?t=3`, { expected: [notSignedIn] })
  await signIn(page, 'rosa')
  await textShown(page, 'this is part 1')
  await page.getByTestId('follow-ups').getByRole('link', { name: 'Part 2' }).click()
  await page.waitForURL(`**/recordings/${second}`)
  await openPlayer(page)
  await page.keyboard.press('End')
  await textShown(page, 'this is part 2')
  await page.getByTestId('follow-ups').getByRole('link', { name: 'Part 1' }).click()
  await page.waitForURL(`**/recordings/${first}`)
})
