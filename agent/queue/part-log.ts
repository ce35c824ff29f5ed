import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { DurableFile } from '../../disk/durable-file.ts'
import { utf8 } from '../../format/bytes.ts'
import type { StreamState, WrittenFrame } from '../../format/stream-writer.ts'
import type { Resume } from './session-record.ts'

// `parts` beside a recording's frames: a line of JSON for each frame and GAP that is whole, appended once the part itself
// is durable. It holds what the seek table and GAPs need of parts that the farm has long had, so it only ever grows; a
// file that is replaced whole would cost more with every frame of a long recording.

const fileName = 'parts'

/** `resume` = where the recorder's logs go on behind this part. */
export type PartLine = WrittenFrame & { resume?: Resume }

export class PartLog {
  readonly #dir: string
  readonly #parts: WrittenFrame[]
  #file: DurableFile | undefined
  #size: number
  #frames: number
  #resume: Resume | undefined

  private constructor(dir: string, parts: WrittenFrame[], size: number, resume: Resume | undefined) {
    this.#dir = dir
    this.#parts = parts
    this.#size = size
    this.#resume = resume
    this.#frames = parts.filter((part) => part.head > 0).length
  }

  /** What a crash left of a last line is not taken: its part is found in the queue's last file. */
  static async load(dir: string): Promise<PartLog> {
    const text = await readFile(join(dir, fileName), 'utf8').catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return ''
      throw error
    })
    const parts: WrittenFrame[] = []
    let size = 0
    let resume: Resume | undefined
    for (let end = text.indexOf('\n'); end >= 0; end = text.indexOf('\n', size)) {
      const line = parseLine(text.slice(size, end))
      if (!line || line.offset !== endOf(parts.at(-1))) break
      const { resume: behind, ...part } = line
      parts.push(part)
      resume = behind ?? resume
      size = end + 1
    }
    return new PartLog(dir, parts, size, resume)
  }

  /** As of the last part. */
  get state(): StreamState {
    const last = this.#parts.at(-1)
    return { offset: endOf(last), frame: this.#frames, chain: last?.chain ?? null, written: this.#parts }
  }

  get resume(): Resume | undefined {
    return this.#resume
  }

  async append(part: WrittenFrame, resume: Resume | undefined): Promise<void> {
    const line = utf8(`${JSON.stringify({ ...part, ...(resume && { resume }) } satisfies PartLine)}\n`)
    try {
      this.#file ??= await this.#open()
      await this.#file.write([line], this.#size)
      await this.#file.sync()
    } catch (error) {
      await this.close()
      throw error
    }
    this.#size += line.length
    this.#parts.push(part)
    if (part.head > 0) this.#frames += 1
    if (resume) this.#resume = resume
  }

  async #open(): Promise<DurableFile> {
    const file = await DurableFile.open(join(this.#dir, fileName))
    await file.cut(this.#size)
    return file
  }

  async close(): Promise<void> {
    const file = this.#file
    this.#file = undefined
    await file?.close()
  }
}

/** Offset behind a part; 0 before the first. */
export function endOf(part: WrittenFrame | undefined): number {
  return part ? part.offset + part.head + part.body + part.seal : 0
}

/** The last of `parts` that begins below `offset`. */
export function partBelow(parts: readonly WrittenFrame[], offset: number): WrittenFrame | undefined {
  let low = 0
  let high = parts.length
  while (low < high) {
    const middle = (low + high) >> 1
    if (parts[middle]!.offset < offset) low = middle + 1
    else high = middle
  }
  return parts[low - 1]
}

function parseLine(text: string): PartLine | undefined {
  try {
    const line = JSON.parse(text) as PartLine
    return Number.isSafeInteger(line.offset) && typeof line.chain === 'string' ? line : undefined
  } catch {
    return undefined
  }
}
