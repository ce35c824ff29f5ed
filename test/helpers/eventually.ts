import { setTimeout as sleep } from 'node:timers/promises'

/**
 * Tries until `check` does not throw, and gives what it returned. After `timeoutMs` its last error is thrown. No assertion
 * of AVA may be in it: one that failed once fails the test.
 */
export async function eventually<T>(
  check: () => T | Promise<T>,
  options: { timeoutMs?: number; everyMs?: number } = {},
): Promise<T> {
  const { timeoutMs = 60_000, everyMs = 50 } = options
  const until = Date.now() + timeoutMs
  while (true) {
    try {
      return await check()
    } catch (error) {
      if (Date.now() > until) throw error
      await sleep(everyMs)
    }
  }
}
