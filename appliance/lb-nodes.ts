import { readFile } from 'node:fs/promises'
import { parseFarm } from '../lb/parse-farm.ts'
import { CommandError } from './command-error.ts'
import { print, told } from './lb-output.ts'
import { replaceKeeping } from './replace-keeping.ts'

// A node comes to the farm file, or goes from it. `tapedeck lb apply` then puts it in force.

interface Options {
  farm: string
  json?: boolean
}

type FarmFile = Record<string, unknown> & { nodes: { name: string; address: string }[] }

export async function addNode(name: string, address: string, options: Options): Promise<void> {
  await change(options, (file) => {
    const there = file.nodes.find((node) => node.name === name)
    if (there?.address === address) return undefined
    if (there)
      throw new CommandError('lb-node', `There is a node ${name} already, at ${there.address}.`, '', 2)
    return [...file.nodes, { name, address }]
  })
}

export async function removeNode(name: string, options: Options): Promise<void> {
  await change(options, (file) => {
    const left = file.nodes.filter((node) => node.name !== name)
    return left.length === file.nodes.length ? undefined : left
  })
}

/** The whole is checked as any farm file is; the former one stays beside it. */
async function change(
  options: Options,
  next: (file: FarmFile) => FarmFile['nodes'] | undefined,
): Promise<void> {
  await told(async () => {
    const file = JSON.parse(await readFile(options.farm, 'utf8')) as FarmFile
    parseFarm(file)
    const nodes = next(file)
    if (nodes) {
      const changed = { ...file, nodes }
      parseFarm(changed)
      await replaceKeeping(options.farm, `${JSON.stringify(changed, null, 2)}\n`)
    }
    const names = (nodes ?? file.nodes).map(({ name }) => name)
    print(
      options,
      { nodes: names, changed: nodes !== undefined },
      `The farm has the nodes ${names.join(', ')}.\n`,
    )
  })
}
