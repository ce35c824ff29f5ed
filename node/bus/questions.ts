import { textOf, utf8 } from '../../format/bytes.ts'
import type { Bus } from './bus.ts'

// Asking the farm: every process hears the question, whoever knows answers, and the first answer counts.

/** Whoever knows is a process nearby; a longer wait is worse than reading the store. */
const answerMsMax = 400

/** What is asked, and bytes that answer it. Answers are `undefined` where this process does not know. */
export type Answerer = (question: unknown) => Promise<Uint8Array | undefined> | Uint8Array | undefined

export interface Questions {
  /** `undefined` when nobody answers in time. */
  ask(kind: string, question: unknown, waitMs?: number): Promise<Uint8Array | undefined>
  answer(kind: string, answerer: Answerer): void
  close(): void
}

export function openQuestions(bus: Bus): Questions {
  const waiting = new Map<number, (answer: Uint8Array) => void>()
  const stops: (() => void)[] = []
  let next = 1

  // number u32 of the question, then the answer.
  stops.push(
    bus.subscribe(`answers.${bus.id}`, (payload) => {
      const number = new DataView(payload.buffer, payload.byteOffset).getUint32(0)
      waiting.get(number)?.(payload.slice(4))
    }),
  )
  return {
    ask(kind, question, waitMs = answerMsMax) {
      if (!bus.connected) return Promise.resolve(undefined)
      const number = next++ >>> 0
      const { promise, resolve } = Promise.withResolvers<Uint8Array | undefined>()
      const timer = setTimeout(() => resolve(undefined), waitMs)
      waiting.set(number, resolve)
      bus.publish(`ask.${kind}`, utf8(JSON.stringify({ number, question })))
      return promise.finally(() => {
        clearTimeout(timer)
        waiting.delete(number)
      })
    },
    answer(kind, answerer) {
      const onQuestion = async (payload: Uint8Array, from: string) => {
        const { number, question } = JSON.parse(textOf(payload) ?? '{}') as {
          number: number
          question: unknown
        }
        const answer = await answerer(question)
        if (!answer) return
        const message = new Uint8Array(4 + answer.length)
        new DataView(message.buffer).setUint32(0, number)
        message.set(answer, 4)
        bus.publish(`answers.${from}`, message)
      }
      // A question that cannot be read or answered is not answered.
      stops.push(
        bus.subscribe(
          `ask.${kind}`,
          (payload, from) => void onQuestion(payload, from).catch(() => undefined),
        ),
      )
    },
    close() {
      for (const stop of stops) stop()
    },
  }
}
