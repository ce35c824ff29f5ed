import { readFile } from 'node:fs/promises'
import type { Browser, Page } from 'playwright-core'

const everyMs = 250

interface ProcessInfo {
  processInfo: { id: number; type: string }[]
}

/** Watches the memory that the page's process shares with no other. The page must be the browser's largest. */
export async function watchMemory(browser: Browser, page: Page): Promise<{ peakMb(): Promise<number> }> {
  const session = await browser.newBrowserCDPSession()
  const { processInfo } = (await session.send('SystemInfo.getProcessInfo')) as unknown as ProcessInfo
  const renderers = processInfo.filter(({ type }) => type === 'renderer').map(({ id }) => id)
  const peaks = new Map(renderers.map((pid) => [pid, 0]))
  const look = async () => {
    for (const pid of renderers) peaks.set(pid, Math.max(peaks.get(pid)!, await privateMb(pid)))
  }
  const timer = setInterval(() => void look(), everyMs)
  page.on('close', () => clearInterval(timer))
  return {
    async peakMb() {
      await look()
      clearInterval(timer)
      await session.detach()
      return Math.max(...peaks.values())
    },
  }
}

async function privateMb(pid: number): Promise<number> {
  const rollup = await readFile(`/proc/${pid}/smaps_rollup`, 'utf8').catch(() => '')
  const kb = [...rollup.matchAll(/^Private_(?:Clean|Dirty):\s+(\d+) kB$/gm)].reduce(
    (sum, [, size]) => sum + Number(size),
    0,
  )
  return (kb * 1024) / 1e6
}
