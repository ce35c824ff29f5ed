// How the processes of a farm hear from each other: who watches what, what is live, what has changed. Nothing that must
// not be lost goes this way: a message may vanish, and whoever needs more asks the store or the catalog.

/** `from` = the process that published. Nobody hears himself. */
export type BusListener = (payload: Uint8Array, from: string) => void

export interface Bus {
  /** This process, among all of the farm. */
  readonly id: string
  /** Best effort, in order from one publisher; dropped while the bus is away. */
  publish(topic: string, payload: Uint8Array): void
  /** Returns how to stop. */
  subscribe(topic: string, listener: BusListener): () => void
  /** False while messages go nowhere. */
  readonly connected: boolean
  close(): Promise<void>
}

/** For one process alone: nobody else is there. */
export function openSilentBus(): Bus {
  return {
    id: 'alone',
    publish() {},
    subscribe: () => () => undefined,
    connected: false,
    close: async () => undefined,
  }
}

/** Listeners by topic, as every adapter needs them. */
export class Listeners {
  readonly #all = new Map<string, Set<BusListener>>()

  /** `first` is called when nobody listened to the topic before, `last` when nobody does any more. */
  add(
    topic: string,
    listener: BusListener,
    on: { first?: (topic: string) => void; last?: (topic: string) => void } = {},
  ): () => void {
    const found = this.#all.get(topic)
    const listeners = found ?? new Set()
    if (!found) {
      this.#all.set(topic, listeners)
      on.first?.(topic)
    }
    listeners.add(listener)
    return () => {
      if (!listeners.delete(listener) || listeners.size > 0) return
      this.#all.delete(topic)
      on.last?.(topic)
    }
  }

  tell(topic: string, payload: Uint8Array, from: string): void {
    for (const listener of [...(this.#all.get(topic) ?? [])]) listener(payload, from)
  }

  get topics(): string[] {
    return [...this.#all.keys()]
  }
}
