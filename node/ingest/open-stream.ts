import type { AgentMessage } from '../../wire/messages.ts'
import { WireError } from '../../wire/wire-error.ts'
import { StoreError } from '../store/store-error.ts'
import type { StorePlace } from '../store/store-place.ts'
import type { ChannelContext } from './channel-context.ts'
import { IncomingStream } from './incoming-stream.ts'
import { Backoff } from './retry.ts'

export type OpenMessage = Extract<AgentMessage, { type: 'open' }>

export interface OpenedStream {
  place: StorePlace
  incoming: IncomingStream
}

export interface Tries {
  /** After a failure: the first try waits too. */
  again: boolean
  /** Highest offset acknowledged to this agent. */
  acked: number
  /** Whose trouble it is meanwhile. */
  who: object
  signal: AbortSignal
}

/**
 * Answers `open` with the stream's file, ready to go on, or `discarded` when the recording was deleted on purpose; tries
 * as long as it takes, `undefined` when stopped. Throws WireError when the agent may not.
 */
export async function openWhenPossible(
  context: ChannelContext,
  agent: string,
  message: OpenMessage,
  { again, acked, who, signal }: Tries,
): Promise<OpenedStream | 'discarded' | undefined> {
  const { limits, troubles } = context
  const backoff = new Backoff(limits.retryMsMin, limits.retryMsMax)
  const since = performance.now()
  if (again) await backoff.wait(signal)
  while (!signal.aborted) {
    try {
      return await openStream(
        context,
        agent,
        message,
        acked,
        performance.now() - since >= limits.staleShareMs,
      )
    } catch (error) {
      if (error instanceof WireError) throw error
      if (!signal.aborted) troubles.report(who, error)
      await backoff.wait(signal)
    }
  }
  return undefined
}

// `mayLose` = the file's loss of bytes is taken as final. Throws WireError, or anything else when it cannot be done now.
async function openStream(
  context: ChannelContext,
  agent: string,
  message: OpenMessage,
  acked: number,
  mayLose: boolean,
): Promise<OpenedStream | 'discarded'> {
  const { store, register, lanes, tokens, live, files, crypto, signer } = context
  const { recording, stream, facts, oldest } = message
  const place =
    message.place === undefined
      ? await lanes.run('', () => store.place(recording))
      : tokens.openPlace(message.place, recording)
  const row = { recording, stream, agent, facts, place, openedMs: Date.now() }
  if ((await register.opened(row)) === 'discarded') return 'discarded'
  const incoming = await lanes.run(place.store, async () => {
    await store.withdrawLost(place)
    const written = (offset: number, bytes: Uint8Array) => live.publish(recording, stream, offset, bytes)
    const options = { store, files, place, recording, stream, farmKey: signer.publicKey, crypto, written }
    return IncomingStream.open(options, acked, oldest)
  })
  const writer = incoming.verification.agent
  if (writer !== undefined && writer !== agent && !(await register.succeeds(agent, writer))) {
    await incoming.close()
    throw new WireError('recording', `${recording} belongs to another agent.`, 'Go on in a new recording.')
  }
  if (incoming.next < oldest && !mayLose && wasStored(context, message, incoming.next)) {
    await incoming.close()
    const text = `The ${stream} of ${recording} has ${incoming.fileSize} bytes; its agent has a receipt for ${oldest}.`
    throw new StoreError(
      'store-stale',
      text,
      'A share may show an old size for some seconds; else bytes were lost.',
    )
  }
  return { place, incoming }
}

function wasStored({ tokens }: ChannelContext, message: OpenMessage, next: number): boolean {
  if (message.receipt === undefined) return false
  const offset = tokens.openReceipt(message.receipt, message.recording, message.stream)
  return offset !== undefined && offset > next
}
