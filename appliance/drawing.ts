import type { Pixels } from '../screen/paint-screen.ts'

// What can be exported as pictures: a terminal or a desktop.

export interface FilmOptions {
  /** Idle time lasts no longer. */
  idleUs: number
  /** Of the recording's time, idle time cut, between two pictures. */
  stepUs: number
  clock: boolean
}

/** A moment to be painted, before the next is asked for. `fresh` = something may look different from the one before. */
export interface Shot {
  timeUs: number
  filmUs: number
  fresh: boolean
  paint(): Promise<Pixels>
}

/** Pictures of one size at even times, the last one of the end. */
export interface Film {
  width: number
  height: number
  /** As long as the pictures last, idle time cut. */
  filmUs: number
  shots: AsyncGenerator<Shot>
}

export interface Drawing {
  /** Infinite: the end. */
  moment(timeUs: number, clock: boolean): Promise<Pixels>
  film(options: FilmOptions): Promise<Film>
}

/** A recording's stored bytes from `from` on, each time anew. */
export type OpenStored = (from?: number) => Promise<AsyncIterable<Uint8Array>>

/** For the line with the time: why data is missing at this moment. */
export function noteOf(lost: string | undefined): string {
  return lost === undefined ? '' : `DATA LOST HERE: ${lost}`
}
