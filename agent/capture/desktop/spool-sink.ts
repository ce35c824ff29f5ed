import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { endOf } from '../../queue/part-log.ts'
import { spoolFileName } from '../../queue/spool-file.ts'
import type { SpooledStream } from '../../queue/spooled-stream.ts'
import type { StreamSink } from './stream-sink.ts'

/** A screen's stream in the agent's queue: a part is a file there. */
export function spoolSink(spooled: SpooledStream): StreamSink {
  const torn = () => {
    const last = spooled.files.at(-1)
    return last?.kind === 'frame' && last.start >= spooled.state.offset ? last : undefined
  }
  return {
    get state() {
      return spooled.state
    },
    get ended() {
      return spooled.record.endSize !== undefined
    },
    async tail() {
      await spooled.cutAfterFailure()
      const last = torn()
      if (last?.size === 0) await spooled.dropLast()
      return last && last.size > 0 ? readFile(join(spooled.dir, spoolFileName(last))) : new Uint8Array(0)
    },
    async cut(size) {
      if (size > 0) await spooled.reopen(size)
      else if (torn()) await spooled.dropLast()
    },
    begin: () => spooled.begin(),
    append: (pieces) => spooled.append(pieces),
    sync: () => spooled.sync(),
    async keep({ written }, ended) {
      const part = written.at(-1)
      if (ended) {
        await spooled.sync()
        await spooled.update({ endSize: spooled.durable })
      } else if (part && endOf(part) > spooled.state.offset) await spooled.boundary(part, undefined)
    },
  }
}
