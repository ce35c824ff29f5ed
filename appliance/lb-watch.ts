import { setTimeout as sleep } from 'node:timers/promises'
import { readInstalled } from '../lb/installed.ts'
import { readStatus } from '../lb/runtime.ts'
import { openServiceManager } from '../service/service-manager.ts'
import { escapeControls } from './print.ts'

/** Three looks in one interval of the unit's watchdog. */
const everyMs = 5_000
/** Without an answer for so long HAProxy hangs: systemd is told nothing, and starts all again. */
const silentMsMax = 15_000

/** Tells systemd when HAProxy answers for the first time, and as long as it does. Ends with the process. */
export async function watch({ config }: { config: string }): Promise<void> {
  let answeredMs: number | undefined
  const say = (text: string) => process.stdout.write(`${escapeControls(text)}\n`)
  const manager = openServiceManager(process.env, {
    alive: () => answeredMs !== undefined && performance.now() - answeredMs < silentMsMax,
    failed: (error) => say(`systemd could not be told how HAProxy is: ${error.message}`),
  })
  let well = false
  while (true) {
    try {
      await readStatus(await readInstalled(config))
      if (answeredMs === undefined) manager.ready()
      answeredMs = performance.now()
      if (!well) say('HAProxy answers.')
      well = true
    } catch (error) {
      if (well || answeredMs === undefined) say(`HAProxy does not answer: ${(error as Error).message}`)
      well = false
    }
    await sleep(answeredMs === undefined ? 200 : everyMs)
  }
}
