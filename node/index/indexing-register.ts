import type { RecordingRegister } from '../ingest/register.ts'
import type { Indexer } from './indexer.ts'

/** Tells the indexer, too, what ingest tells the catalog of sealed bytes. */
export function indexingRegister(register: RecordingRegister, indexer: Indexer): RecordingRegister {
  return {
    ...register,
    progress(recording, progress) {
      register.progress(recording, progress)
      indexer.sealed(recording, progress.stream, progress.sealedBytes)
    },
    async completed(recording, completed) {
      await register.completed(recording, completed)
      indexer.sealed(recording, completed.stream, completed.sealedBytes)
      indexer.ended(recording)
    },
  }
}
