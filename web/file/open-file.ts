import { isSkippable } from '../../format/skippable.ts'
import { bytesOf, type OpenedFile, type ReadShare } from './opened-file.ts'
import { openPlainFile } from './plain-file.ts'
import { openRecordingFile } from './recording-file.ts'

/** Opens a recording (`.cast.zst`) or an asciicast of any version. Rejects with FormatError where it is neither. */
export async function openFile(file: File, read: ReadShare): Promise<OpenedFile> {
  const first = await bytesOf(file, 0, 4)
  const magic = first.length === 4 ? new DataView(first.buffer).getUint32(0, true) : 0
  return isSkippable(magic) ? openRecordingFile(file, read) : openPlainFile(file, read)
}
