import { readdir } from 'node:fs/promises'

// Names in a stream's spool folder: 20 digits of stream offset, then what lies there.
//   .frame   a frame, an inline GAP, or END with its seek table: whole, or the last one and growing
//   .gap     a GAP that took the place of frames; the file has its header and payload, its zeros are implied

export interface SpoolFile {
  start: number
  kind: 'frame' | 'gap'
}

const pattern = /^(\d{20})\.(frame|gap)$/

export function spoolFileName({ start, kind }: SpoolFile): string {
  return `${String(start).padStart(20, '0')}.${kind}`
}

/** In order; a GAP before a frame at the same offset, which was about to be deleted. */
export async function listSpoolFiles(dir: string): Promise<SpoolFile[]> {
  return (await readdir(dir))
    .map((name) => pattern.exec(name))
    .filter((match) => match !== null)
    .map((match) => ({ start: Number(match[1]), kind: match[2] as SpoolFile['kind'] }))
    .sort((a, b) => a.start - b.start || (a.kind === 'gap' ? -1 : 1))
}
