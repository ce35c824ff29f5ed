/** Stored bytes kept, to seek about near a moment and to read ahead. */
const keptBytesMax = 4 * 1024 * 1024

/** Pieces of a stream by where they begin; the least recently used go first. */
export class PieceCache {
  readonly #pieces = new Map<number, Uint8Array>()
  #bytes = 0

  has(offset: number): boolean {
    return this.#pieces.has(offset)
  }

  get(offset: number): Uint8Array | undefined {
    const piece = this.#pieces.get(offset)
    if (!piece) return undefined
    this.#pieces.delete(offset)
    this.#pieces.set(offset, piece)
    return piece
  }

  put(offset: number, piece: Uint8Array): void {
    this.#drop(offset)
    this.#pieces.set(offset, piece)
    this.#bytes += piece.length
    for (const oldest of this.#pieces.keys()) {
      if (this.#bytes <= keptBytesMax || oldest === offset) break
      this.#drop(oldest)
    }
  }

  #drop(offset: number): void {
    this.#bytes -= this.#pieces.get(offset)?.length ?? 0
    this.#pieces.delete(offset)
  }
}
