import { FormatError } from '../../format/format-error.ts'
import { isSkippable } from '../../format/skippable.ts'
import { bytesOf, type OpenedFile, type ReadShare } from './opened-file.ts'
import { openPlainFile } from './plain-file.ts'
import { openRecordingFiles } from './recording-file.ts'

/**
 * Opens a recording's streams (`.cast.zst`, `.rfb.zst` or both) or an asciicast of any version. Rejects with FormatError
 * where it is none of these.
 */
export async function openFiles(files: File[], read: ReadShare): Promise<OpenedFile> {
  const [first] = files
  if (files.length === 1 && !(await isStream(first!))) return openPlainFile(first!, read)
  for (const file of files)
    if (!(await isStream(file)))
      throw new FormatError('two-files', `${file.name} is no stream of a recording.`, {
        hint: 'Open one recording at a time.',
      })
  return openRecordingFiles(files, read)
}

async function isStream(file: File): Promise<boolean> {
  const first = await bytesOf(file, 0, 4)
  return first.length === 4 && isSkippable(new DataView(first.buffer).getUint32(0, true))
}
