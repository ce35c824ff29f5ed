import type { ChannelContext } from './channel-context.ts'
import type { CompletedRecording } from './register.ts'
import { Backoff } from './retry.ts'

/** Tells the catalog until it has committed; false when `signal` aborted first, and the agent will finish again. */
export async function complete(
  { register, limits, troubles }: ChannelContext,
  who: { recording: string },
  completed: CompletedRecording,
  signal: AbortSignal,
): Promise<boolean> {
  const backoff = new Backoff(limits.retryMsMin, limits.retryMsMax)
  while (!signal.aborted) {
    try {
      await register.completed(who.recording, completed)
      troubles.well(who)
      return !signal.aborted
    } catch (error) {
      troubles.report(who, error)
      await backoff.wait(signal)
    }
  }
  return false
}
