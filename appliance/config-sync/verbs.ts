import { replaceFile } from '../../disk/atomic-replace.ts'
import { createFile } from '../../disk/exclusive-file.ts'
import { CommandError } from '../command-error.ts'
import type { Home } from '../home.ts'
import { escapeControls } from '../print.ts'
import { addLbHost } from './add-lb-host.ts'
import { readBundle } from './bundle.ts'
import { exportConfig } from './export-config.ts'
import { importConfig } from './import-config.ts'

// `tapedeck config-sync`: what the nodes of a farm have in common, from one to the others.

export async function exportTo(
  home: Home,
  file: string,
  options: { force?: boolean; json?: boolean },
): Promise<void> {
  const { text, bundle } = await exportConfig(home.root)
  if (options.force) await replaceFile(file, text, 0o600)
  else if (!(await createFile(file, Buffer.from(text), 0o600)))
    throw new CommandError('exists', `${file} exists already.`, 'Use --force to replace it.')
  if (options.json) return print({ file, farm: bundle.farm })
  process.stdout.write(
    `Wrote ${file}. It has the farm's keys in it: carry it as you would carry those, and remove it afterwards.\n` +
      `On a machine that joins: tapedeck install node --import ${file} --farm-id ${bundle.farm}\n` +
      `On a node of this farm:  tapedeck config-sync import ${file}\n`,
  )
}

export async function importFrom(
  home: Home,
  file: string,
  options: { farmId?: string; dryRun?: boolean; name?: string; json?: boolean },
): Promise<void> {
  const bundle = await readBundle(file, options.farmId, home.root)
  const { dryRun = false, name } = options
  const imported = await importConfig(home.root, bundle, { dryRun, ...(name !== undefined && { name }) })
  if (options.json) return print({ ...imported, from: bundle.from, dryRun })
  const { changes, backup } = imported
  process.stdout.write(changes.map((line) => `${escapeControls(line)}\n`).join(''))
  process.stdout.write(
    changes.length === 0
      ? `This node is as ${bundle.from} was on ${bundle.made}.\n`
      : dryRun
        ? 'Nothing was changed (--dry-run).\n'
        : `${backup ? `What was there lies in ${backup}. ` : ''}Restart the node: systemctl restart tapedeck-node\n`,
  )
}

export async function addBalancer(home: Home, address: string, options: { json?: boolean }): Promise<void> {
  const changes = await addLbHost(home.root, address)
  if (options.json) return print({ changes })
  process.stdout.write(
    changes.length === 0
      ? `${address} is one of this node's balancers already.\n`
      : `${changes.map((line) => `${escapeControls(line)}\n`).join('')}Restart the node: systemctl restart tapedeck-node\n`,
  )
}

function print(value: object): void {
  process.stdout.write(`${JSON.stringify(value)}\n`)
}
