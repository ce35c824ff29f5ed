import type { StreamName } from '../../format/records.ts'
import type { Channel } from './channel.ts'

/** One channel writes a stream at a time. The newest wins: an agent that comes back has a better line than its old one. */
export class StreamOwners {
  readonly #owners = new Map<string, Channel>()

  /** Resolves when the owner before has let go of the file. */
  async claim(channel: Channel): Promise<void> {
    const key = keyOf(channel.recording, channel.stream)
    const before = this.#owners.get(key)
    this.#owners.set(key, channel)
    await before?.replace()
  }

  release(channel: Channel): void {
    const key = keyOf(channel.recording, channel.stream)
    if (this.#owners.get(key) === channel) this.#owners.delete(key)
  }

  owns(channel: Channel): boolean {
    return this.#owners.get(keyOf(channel.recording, channel.stream)) === channel
  }

  get(recording: string, stream: StreamName): Channel | undefined {
    return this.#owners.get(keyOf(recording, stream))
  }
}

function keyOf(recording: string, stream: StreamName): string {
  return `${recording}/${stream}`
}
