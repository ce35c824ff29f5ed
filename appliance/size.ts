import { measureStore } from './measure-store.ts'
import { fields } from './print.ts'
import { type Sessions, sizeOfFarm } from './size-of-farm.ts'

export interface SizeOptions extends Omit<Sessions, 'nodeMbPerS'> {
  nodeMbPerS: number
  /** A folder to measure instead. */
  measure?: string
  json?: boolean
}

/** `tapedeck size`: what a farm for these sessions needs. */
export async function size(options: SizeOptions): Promise<void> {
  const { measure, json, ...given } = options
  const nodeMbPerS = measure === undefined ? given.nodeMbPerS : await measureStore(measure)
  const found = sizeOfFarm({ ...given, nodeMbPerS })
  if (json) {
    process.stdout.write(`${JSON.stringify({ ...found, nodeMbPerS })}\n`)
    return
  }
  const { mbPerS, nodes, diskTb, diskTbWhole, databaseGb, transactionsPerS, recordingsADay } = found
  process.stdout.write(
    fields([
      ['Recordings', `${Math.round(recordingsADay)} a day`],
      ['Data rate', `${mbPerS.toFixed(2)} MB/s`],
      [
        'Nodes',
        `${nodes} at half load, ${nodes + 1} so that one may be away (a node takes ${nodeMbPerS.toFixed(0)} MB/s, ${
          measure === undefined ? 'as given' : `measured in ${measure}`
        })`,
      ],
      ['Disk', `${diskTbWhole} TB (${diskTb.toFixed(2)} with 30 % to spare)`],
      ['Database', `${databaseGb.toFixed(2)} GB, ${transactionsPerS.toFixed(2)} transactions a second`],
    ]),
  )
}
