import { existsSync } from 'node:fs'
import test, { type ExecutionContext } from 'ava'
import type { Browser, BrowserContextOptions, Page } from 'playwright-core'
import { chromiumPath, launchChromium } from './chromium.ts'

// The real Chromium of Debian. Whatever a page does that no page of ours should do fails its test: an error or warning in
// the console (a breach of the content security policy is one), an uncaught error, a dialog, a download, a window that
// was not asked for, and a request to anywhere but the server under test.

/** The first picture of a page on a busy machine. */
export const pageMsMax = 30_000

export interface OpenOptions extends BrowserContextOptions {
  /** What the console may say, as where a test has the server refuse something. */
  expected?: RegExp[]
  /** Windows may be opened. */
  windows?: boolean
}

/** A page of a browser context of its own: no cookie or storage of another. */
export type OpenPage = (url: string, options?: OpenOptions) => Promise<Page>

export type BrowserTest = (
  title: string,
  body: (t: ExecutionContext, open: OpenPage) => Promise<void>,
) => void

/** For the top of a test file: gives `test` with a browser. The tests run one after another, or are skipped without one. */
export function browserTests(): BrowserTest {
  if (!existsSync(chromiumPath))
    return (title) =>
      test.skip(`${title} (skipped: there is no ${chromiumPath}; see test/provision)`, () => {})
  let browser: Browser
  test.before('Chromium starts', async () => {
    browser = await launchChromium()
  })
  test.after.always('Chromium ends', () => browser?.close())
  return (title, body) =>
    test.serial(title, async (t) => {
      const problems: string[] = []
      const open: OpenPage = async (url, options = {}) => {
        const page = await openWatched(browser, url, options, problems)
        t.teardown(() => page.context().close())
        await page.goto(url, { timeout: pageMsMax })
        return page
      }
      await body(t, open)
      t.deepEqual(problems, [])
    })
}

async function openWatched(
  browser: Browser,
  url: string,
  { expected = [], windows = false, ...options }: OpenOptions,
  problems: string[],
): Promise<Page> {
  const context = await browser.newContext({ ignoreHTTPSErrors: true, ...options })
  context.setDefaultTimeout(pageMsMax)
  const { host } = new URL(url)
  const problem = (text: string) => {
    // Tests of networks make interfaces on this machine meanwhile.
    if (/^Failed to load resource: net::ERR_NETWORK_CHANGED/.test(text)) return
    if (!expected.some((pattern) => pattern.test(text))) problems.push(text)
  }
  context.on('console', (message) => {
    if (['error', 'warning'].includes(message.type())) problem(`console: ${message.text()}`)
  })
  context.on('weberror', (error) => problem(`uncaught: ${error.error().stack}`))
  context.on('request', (request) => {
    const asked = new URL(request.url())
    if (!['data:', 'blob:'].includes(asked.protocol) && asked.host !== host) problem(`request: ${asked}`)
  })
  let opened = 0
  context.on('page', (page) => {
    opened += 1
    if (opened > 1 && !windows) problem(`window: ${page.url()}`)
    page.on('download', (download) => problem(`download: ${download.url()}`))
    page.on('dialog', (dialog) => {
      problem(`dialog: ${dialog.message()}`)
      void dialog.dismiss()
    })
  })
  return context.newPage()
}

/** Nobody is signed in yet when a page opens for the first time, and the browser says so. */
export const notSignedIn = /status of 401/
