import { readFile } from 'node:fs/promises'
import { hostname } from 'node:os'
import { contentOf } from '../agent/host/undo-list.ts'
import type { Balancer, Farm } from '../lb/farm.ts'
import { parseFarm } from '../lb/parse-farm.ts'
import { CommandError } from './command-error.ts'
import { places } from './install/places.ts'

export interface FarmOptions {
  farm?: string
  balancer?: string
}

export interface ReadFarm {
  /** The farm file, as it is. */
  text: string
  farm: Farm
  /** Which this host is: the one that is named, the only one, the one it was installed as, or the one named as the host. */
  balancer: Balancer
}

/** Throws CommandError or LbError. */
export async function readFarm({
  farm: path = places.farmFile,
  balancer: wanted,
}: FarmOptions): Promise<ReadFarm> {
  let text: string
  let value: unknown
  try {
    text = await readFile(path, 'utf8')
    value = JSON.parse(text)
  } catch (error) {
    throw new CommandError(
      'farm-file',
      `${path} cannot be read: ${(error as Error).message}`,
      'Name the farm file with --farm. docs/farm.md says what is in it.',
      2,
    )
  }
  const farm = parseFarm(value)
  const names = farm.balancers.map(({ name }) => name)
  const name =
    wanted ?? (names.length === 1 ? names[0] : ((await contentOf(places.balancerFile))?.trim() ?? hostname()))
  const balancer = farm.balancers.find((each) => each.name === name)
  if (balancer) return { text, farm, balancer }
  throw new CommandError(
    'balancer',
    `The farm has no balancer ${name}.`,
    `Say which one this is: --balancer ${names.join(' or ')}.`,
    2,
  )
}
