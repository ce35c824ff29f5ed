import { createWriteStream } from 'node:fs'
import { rm, stat } from 'node:fs/promises'
import { pipeline } from 'node:stream/promises'
import { readBodies } from '../codec/read-bodies.ts'
import { readRecording } from '../codec/read-recording.ts'
import { streamOf } from '../codec/stream-of.ts'
import { renameFile } from '../disk/folder.ts'
import { AsciicastWriter } from '../format/asciicast-writer.ts'
import { isRecordingId } from '../format/recording-id.ts'
import type { StreamName } from '../format/records.ts'
import type { Client } from './client.ts'
import { CommandError } from './command-error.ts'
import type { Drawing, OpenStored } from './drawing.ts'
import { openInput } from './open-input.ts'
import { Progress } from './progress.ts'

const exportFormats = ['cast', 'fbs', 'gif', 'mp4', 'png'] as const
type ExportFormat = (typeof exportFormats)[number]

export interface ExportOptions {
  out?: string
  format?: ExportFormat
  exact?: boolean
  at?: number
  idle?: number
  speed?: number
  clock?: boolean
}

/** Writes a recording as asciicast v2, or draws it. */
export async function exportRecording(
  target: string,
  client: () => Promise<Client>,
  options: ExportOptions,
): Promise<void> {
  const format = options.format ?? formatOf(options.out) ?? 'cast'
  const { out, exact, at, idle, speed, clock = true } = options
  refuseWithout(
    format,
    { exact: ['cast'], at: ['png'], idle: ['gif', 'mp4'], speed: ['gif', 'mp4'] },
    options,
  )
  if (format === 'cast') return exportCast(target, client, { ...(out && { out }), exact: exact ?? false })
  if (format === 'fbs') return writeExport(screenOf(await openStream(target, client, 'rfb')), out)
  if (out === undefined)
    throw new CommandError('out', `Where should the ${format} go?`, 'Give --out FILE.', 2)
  const { exportPictures } = await import('./export-pictures.ts')
  await exportPictures(await drawingOf(target, client), {
    ...{ out, format, clock, speed: speed ?? 1 },
    ...(at !== undefined && { at }),
    ...(idle !== undefined && { idle }),
  })
}

async function drawingOf(target: string, client: () => Promise<Client>): Promise<Drawing> {
  if (!isRecordingId(target)) {
    const open = async (from?: number) => {
      const input = await openInput(target, from)
      if (input.size !== undefined) return input
      throw new CommandError(
        'file',
        `${target} is read twice, and it is no file.`,
        'Copy it to a file first.',
        2,
      )
    }
    return drawingOfStream(await streamOf(await open()), open)
  }
  const { type } = await (await client()).call<{ type: string }>('GET', `/api/recordings/${target}`)
  const stream = type === 'desktop' ? 'rfb' : 'cast'
  const path = `/api/recordings/${target}/streams/${stream}`
  return drawingOfStream(stream, async (from) => (await client()).download(path, from))
}

async function drawingOfStream(stream: StreamName, open: OpenStored): Promise<Drawing> {
  if (stream === 'cast') return (await import('./terminal-drawing.ts')).terminalDrawing(open)
  return (await import('./desktop-drawing.ts')).desktopDrawing(open)
}

function formatOf(out: string | undefined): ExportFormat | undefined {
  return exportFormats.find((format) => out?.toLowerCase().endsWith(`.${format}`))
}

function refuseWithout(
  format: ExportFormat,
  needs: Partial<Record<keyof ExportOptions, ExportFormat[]>>,
  options: ExportOptions,
): void {
  for (const [name, formats] of Object.entries(needs) as [keyof ExportOptions, ExportFormat[]][])
    if (options[name] !== undefined && !formats.includes(format))
      throw new CommandError(
        'option',
        `--${name} has no meaning for ${format}.`,
        `It is for ${formats.join(' and ')}: choose with --format.`,
        2,
      )
}

// Bytes that are no UTF-8 are U+FFFD unless `exact`.
async function exportCast(
  target: string,
  client: () => Promise<Client>,
  options: { out?: string; exact: boolean },
): Promise<void> {
  const source = isRecordingId(target)
    ? await (await client()).download(`/api/recordings/${target}/export?exact=${options.exact ? 1 : 0}`)
    : asciicastOf(await openInput(target), options.exact)
  await writeExport(source, options.out)
}

async function writeExport(source: AsyncIterable<Uint8Array>, out: string | undefined): Promise<void> {
  if (out === undefined) {
    await pipeline(source, process.stdout, { end: false })
    return
  }
  const progress = new Progress('exporting')
  try {
    await writeWhole(progress.count(source), out)
  } finally {
    progress.end()
  }
}

async function openStream(target: string, client: () => Promise<Client>, stream: StreamName) {
  return isRecordingId(target)
    ? (await client()).download(`/api/recordings/${target}/streams/${stream}`)
    : openInput(target)
}

/** What zstdcat prints of a screen: an FBS file. */
async function* screenOf(stored: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  for await (const item of readBodies(stored)) if (item.kind === 'body') yield item.raw
}

// What cannot be exported to its end must not look like an export, nor take the place of one.
async function writeWhole(source: AsyncIterable<Uint8Array>, path: string): Promise<void> {
  const known = await stat(path).catch(() => undefined)
  const isPlain = known === undefined || known.isFile()
  const temp = isPlain ? `${path}.part` : path
  try {
    await pipeline(source, createWriteStream(temp, { mode: 0o600 }))
    if (isPlain) await renameFile(temp, path)
  } catch (error) {
    if (isPlain) await rm(temp, { force: true })
    const { message, path: failedPath } = error as NodeJS.ErrnoException
    if (failedPath === undefined) throw error
    throw new CommandError('file', `${path} cannot be written: ${message}`, 'Check the path and its mode.', 2)
  }
}

async function* asciicastOf(stored: AsyncIterable<Uint8Array>, exact: boolean): AsyncGenerator<Uint8Array> {
  const writer = new AsciicastWriter({ version: 2, exact })
  for await (const item of readRecording(stored)) {
    if (item.kind === 'header') yield writer.header(item.header)
    if (item.kind === 'events') for (const event of item.events) yield writer.event(event)
  }
}
