import { setTimeout as sleep } from 'node:timers/promises'
import type { Browser, CDPSession } from 'playwright-core'

const lookMs = 20

/**
 * A page that nobody but the caller listens to. Playwright has the page's process keep the bytes of every answer, up to
 * 100 MB, to be asked for them: that would be counted as the page's own memory.
 */
export class BarePage {
  readonly #browser: CDPSession
  readonly #session: string
  readonly #target: string
  readonly #waiting = new Map<number, (answer: { result?: unknown; error?: { message: string } }) => void>()
  #id = 0

  private constructor(browser: CDPSession, target: string, session: string) {
    this.#browser = browser
    this.#target = target
    this.#session = session
    browser.on('Target.receivedMessageFromTarget', ({ sessionId, message }) => {
      const { id, ...answer } = JSON.parse(message)
      if (sessionId === session) this.#waiting.get(id)?.(answer)
      this.#waiting.delete(id)
    })
  }

  static async open(browser: Browser, url: string): Promise<BarePage> {
    const session = await browser.newBrowserCDPSession()
    const { browserContextId } = await session.send('Target.createBrowserContext')
    const { targetId } = await session.send('Target.createTarget', { url: 'about:blank', browserContextId })
    const { sessionId } = await session.send('Target.attachToTarget', { targetId, flatten: false })
    const page = new BarePage(session, targetId, sessionId)
    await page.send('Security.setIgnoreCertificateErrors', { ignore: true })
    await page.send('Page.navigate', { url })
    return page
  }

  async send<T>(method: string, params: object = {}): Promise<T> {
    const id = ++this.#id
    const answered = new Promise<{ result?: unknown; error?: { message: string } }>((resolve) =>
      this.#waiting.set(id, resolve),
    )
    const message = JSON.stringify({ id, method, params })
    await this.#browser.send('Target.sendMessageToTarget', { sessionId: this.#session, message })
    const { result, error } = await answered
    if (error) throw new Error(`${method}: ${error.message}`)
    return result as T
  }

  async close(): Promise<void> {
    await this.#browser.send('Target.closeTarget', { targetId: this.#target })
  }

  /** The value of an expression, once it is settled. */
  async evaluate<T>(expression: string): Promise<T> {
    const asked = { expression, awaitPromise: true, returnByValue: true }
    const { result, exceptionDetails } = await this.send<{
      result: { value: T }
      exceptionDetails?: { text: string }
    }>('Runtime.evaluate', asked)
    if (exceptionDetails) throw new Error(exceptionDetails.text)
    return result.value
  }

  /** Waits until an expression is true, on this page or the one that it goes to. */
  async until(expression: string): Promise<void> {
    const isTrue = () =>
      this.evaluate<boolean>(expression).catch((error: Error) => {
        if (error.message.includes('navigated')) return false
        throw error
      })
    while (!(await isTrue())) await sleep(lookMs)
  }

  async click(x: number, y: number): Promise<void> {
    for (const type of ['mouseMoved', 'mousePressed', 'mouseReleased'])
      await this.send('Input.dispatchMouseEvent', { type, x, y, button: 'left', clickCount: 1 })
  }
}
