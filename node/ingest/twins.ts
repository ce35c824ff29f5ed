import { utf8 } from '../../format/bytes.ts'
import type { WireError } from '../../wire/wire-error.ts'
import type { Questions } from '../bus/questions.ts'
import { clone } from './hello.ts'

// One identity, one agent. A connection that comes while another of the same agent is here is mostly that agent again,
// whose old line is dead; if the old line lives and is another run of an agent, two hosts share the identity. The other
// processes of the farm are asked too, but nobody waits for them: whom they know as a clone is cut off then.

/** A living agent on a slow line answers within this. */
const answerMsMax = 3000

export interface Twin {
  answers(waitMs: number): Promise<boolean>
  terminate(): void
  refuse(error: WireError): void
}

interface Question {
  agent: string
  instance: string
}

export class Twins {
  readonly #agents = new Map<string, { twin: Twin; instance: string }>()
  readonly #questions: Questions | undefined
  readonly #waitMs: number

  constructor(questions?: Questions, waitMs = answerMsMax) {
    this.#questions = questions
    this.#waitMs = waitMs
    questions?.answer('twin', async (question) => {
      const { agent, instance } = question as Question
      const here = this.#agents.get(agent)
      if (!here) return undefined
      if (isAnother(here.instance, instance) && (await here.twin.answers(waitMs))) return utf8('clone')
      here.twin.terminate()
      return undefined
    })
  }

  /** Throws WireError `clone`. `instance` = '' where the agent does not say which run of it this is. */
  async admit(twin: Twin, agent: string, instance: string): Promise<void> {
    const before = this.#agents.get(agent)
    if (before && before.twin !== twin) {
      const another = isAnother(before.instance, instance)
      if (another && (await before.twin.answers(this.#waitMs))) throw usedElsewhere()
      if (another || instance !== '') before.twin.terminate()
    }
    this.#agents.set(agent, { twin, instance })
    if (instance !== '') void this.#askFarm(twin, { agent, instance })
  }

  left(twin: Twin): void {
    for (const [agent, one] of this.#agents) if (one.twin === twin) this.#agents.delete(agent)
  }

  async #askFarm(twin: Twin, question: Question): Promise<void> {
    const answer = await this.#questions?.ask('twin', question, 2 * this.#waitMs)
    if (answer) twin.refuse(usedElsewhere())
  }
}

function isAnother(first: string, second: string): boolean {
  return first !== second && first !== '' && second !== ''
}

function usedElsewhere(): WireError {
  return clone('is used by another living agent')
}
