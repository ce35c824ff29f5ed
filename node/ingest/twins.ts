import { clone } from './hello.ts'

// One identity, one agent. A connection that comes while another of the same agent is here is mostly that agent again,
// whose old line is dead; if the old line lives and is another run of an agent, two hosts share the identity.

/** A living agent on a slow line answers within this. */
const answerMsMax = 3000

export interface Twin {
  answers(waitMs: number): Promise<boolean>
  terminate(): void
}

export class Twins {
  readonly #agents = new Map<string, { twin: Twin; instance: string }>()
  readonly #waitMs: number

  constructor(waitMs = answerMsMax) {
    this.#waitMs = waitMs
  }

  /** Throws WireError `clone`. `instance` = '' where the agent does not say which run of it this is. */
  async admit(twin: Twin, agent: string, instance: string): Promise<void> {
    const before = this.#agents.get(agent)
    if (before && before.twin !== twin) {
      const another = before.instance !== instance && before.instance !== '' && instance !== ''
      if (another && (await before.twin.answers(this.#waitMs))) throw clone('is used by another living agent')
      if (another || instance !== '') before.twin.terminate()
    }
    this.#agents.set(agent, { twin, instance })
  }

  left(twin: Twin): void {
    for (const [agent, one] of this.#agents) if (one.twin === twin) this.#agents.delete(agent)
  }
}
