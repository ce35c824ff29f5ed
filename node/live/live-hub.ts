import type { StreamName } from '../../format/records.ts'

// Who writes a stream meets who watches it, in this process.
// Bytes are published once they can be read from the file, before they are synced: what a viewer sees may still be lost
// by a crash of this node, and the agent then sends it again. So `offset` may step back: a viewer drops what it has.
// It may step ahead over the padding of a GAP, which nobody sends: a viewer that wants it reads it from the file.

export interface LiveState {
  state: 'live' | 'complete'
  /** Bytes that can be read from the file. */
  sizeBytes: number
}

export interface LiveListener {
  /** `bytes` belong to the publisher: copy them to keep them. */
  bytes(offset: number, bytes: Uint8Array): void
  state(state: LiveState): void
}

/** Told when the first viewer of a stream comes and when the last one goes. */
export type WatchListener = (recording: string, stream: StreamName, watched: boolean) => void

export interface LiveHub {
  publish(recording: string, stream: StreamName, offset: number, bytes: Uint8Array): void
  /** An agent opened (`live`) or completed the stream. After `complete` the stream is forgotten here. */
  state(recording: string, stream: StreamName, state: LiveState): void
  /** What is written of a stream whose agent is connected here; `undefined` when none is. */
  current(recording: string, stream: StreamName): LiveState | undefined
  /** The stream's agent has gone: what lies in the file counts again. */
  left(recording: string, stream: StreamName): void
  /** Returns how to stop. To see every byte once: subscribe, read the file up to the first pushed offset, go on with pushes. */
  subscribe(recording: string, stream: StreamName, listener: LiveListener): () => void
  watched(recording: string, stream: StreamName): boolean
  onWatched(listener: WatchListener): () => void
}

/** The hub of one process, and what a hub of the whole farm adds to it. */
export interface LocalHub extends LiveHub {
  /** Something that another process published. */
  deliver(recording: string, stream: StreamName, offset: number, bytes: Uint8Array): void
  deliverState(recording: string, stream: StreamName, state: LiveState): void
  /** Another process has viewers. */
  setWatchedElsewhere(recording: string, stream: StreamName, on: boolean): void
  /** As `onWatched`, for viewers of this process alone. */
  onWatchedHere(listener: WatchListener): () => void
}

export function openLiveHub(): LocalHub {
  const listeners = new Map<string, Set<LiveListener>>()
  const states = new Map<string, LiveState>()
  const elsewhere = new Set<string>()
  const watchers = new Set<WatchListener>()
  const watchersHere = new Set<WatchListener>()
  const key = (recording: string, stream: StreamName) => `${recording}/${stream}`
  const tell = (all: Set<WatchListener>, recording: string, stream: StreamName, watched: boolean) => {
    for (const watcher of all) watcher(recording, stream, watched)
  }
  const deliver = (name: string, offset: number, bytes: Uint8Array) => {
    for (const listener of [...(listeners.get(name) ?? [])]) listener.bytes(offset, bytes)
  }
  const deliverState = (name: string, state: LiveState) => {
    for (const listener of [...(listeners.get(name) ?? [])]) listener.state(state)
  }
  return {
    publish(recording, stream, offset, bytes) {
      const name = key(recording, stream)
      const state = states.get(name)
      if (state) state.sizeBytes = Math.max(state.sizeBytes, offset + bytes.length)
      deliver(name, offset, bytes)
    },
    deliver: (recording, stream, offset, bytes) => deliver(key(recording, stream), offset, bytes),
    deliverState: (recording, stream, state) => deliverState(key(recording, stream), state),
    state(recording, stream, state) {
      const name = key(recording, stream)
      if (state.state === 'complete') states.delete(name)
      else states.set(name, { ...state })
      deliverState(name, state)
    },
    current: (recording, stream) => states.get(key(recording, stream)),
    left(recording, stream) {
      states.delete(key(recording, stream))
    },
    subscribe(recording, stream, listener) {
      const name = key(recording, stream)
      const all = listeners.get(name) ?? new Set()
      listeners.set(name, all)
      all.add(listener)
      if (all.size === 1) {
        if (!elsewhere.has(name)) tell(watchers, recording, stream, true)
        tell(watchersHere, recording, stream, true)
      }
      return () => {
        if (!all.delete(listener) || all.size > 0) return
        listeners.delete(name)
        if (!elsewhere.has(name)) tell(watchers, recording, stream, false)
        tell(watchersHere, recording, stream, false)
      }
    },
    setWatchedElsewhere(recording, stream, on) {
      const name = key(recording, stream)
      if (elsewhere.has(name) === on) return
      if (on) elsewhere.add(name)
      else elsewhere.delete(name)
      if (!listeners.has(name)) tell(watchers, recording, stream, on)
    },
    watched(recording, stream) {
      const name = key(recording, stream)
      return listeners.has(name) || elsewhere.has(name)
    },
    onWatched(listener) {
      watchers.add(listener)
      return () => watchers.delete(listener)
    },
    onWatchedHere(listener) {
      watchersHere.add(listener)
      return () => watchersHere.delete(listener)
    },
  }
}
