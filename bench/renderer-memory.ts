import { readFile } from 'node:fs/promises'
import type { Browser } from 'playwright-core'

const everyMs = 250

interface ProcessInfo {
  processInfo: { id: number; type: string }[]
}

export interface MemoryWatch {
  /** Has garbage collected, and counts what is left. From then on the peak is not watched: it would be a lower one. */
  lookAtHeld(): Promise<void>
  /** The highest of what was left, and of all there was; it watches no longer. */
  end(): Promise<{ heldMb: number; peakMb: number }>
}

/** Watches the memory that a page's process shares with no other: of the largest page in the browser. */
export async function watchMemory(
  browser: Browser,
  collectGarbage: () => Promise<unknown>,
): Promise<MemoryWatch> {
  const session = await browser.newBrowserCDPSession()
  const { processInfo } = (await session.send('SystemInfo.getProcessInfo')) as unknown as ProcessInfo
  const renderers = processInfo.filter(({ type }) => type === 'renderer').map(({ id }) => id)
  const peaks = new Map(renderers.map((pid) => [pid, 0]))
  const look = async () => {
    for (const pid of renderers) peaks.set(pid, Math.max(peaks.get(pid)!, await privateMb(pid)))
  }
  let heldMb = 0
  const timer = setInterval(() => void look(), everyMs)
  let watching = true
  const endPeak = async () => {
    if (watching) await look()
    watching = false
    clearInterval(timer)
  }
  return {
    async lookAtHeld() {
      await endPeak()
      await collectGarbage()
      heldMb = Math.max(heldMb, ...(await Promise.all(renderers.map(privateMb))))
    },
    async end() {
      await endPeak()
      await session.detach()
      return { heldMb, peakMb: Math.max(...peaks.values()) }
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
