import { globSync, readFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import test from 'ava'

// Each folder may import from itself and from what this table names; ARCHITECTURE.md says why.
const table: Record<string, string[]> = {
  format: [],
  wire: ['format'],
  disk: [],
  service: [],
  codec: ['format'],
  screen: ['format'],
  agent: ['format', 'wire', 'disk', 'codec', 'service'],
  node: ['format', 'wire', 'disk', 'codec', 'service', 'screen'],
  web: ['format'],
  lb: ['disk'],
  appliance: ['agent', 'node', 'lb', 'disk', 'format', 'codec', 'wire', 'service', 'screen'],
}
/** These run anywhere: no Node, no timers, no process. */
const pure = ['format', 'wire']

const root = fileURLToPath(new URL('..', import.meta.url))
const files = globSync('{format,wire,disk,service,codec,screen,agent,node,web,lb,appliance}/**/*.{ts,tsx}', {
  cwd: root,
  exclude: (path) => /(^|\/)(dist|node_modules)$/.test(String(path)),
})
const sources = files.map((path) => ({
  path,
  folder: path.split('/')[0]!,
  text: readFileSync(join(root, path), 'utf8'),
}))

test('there is something to check', (t) => {
  for (const folder of Object.keys(table))
    t.true(
      sources.some((source) => source.folder === folder),
      folder,
    )
})

test('every import stays within the table', (t) => {
  for (const { path, folder, text } of sources) {
    for (const [, name] of text.matchAll(/(?:from|import)\s*\(?\s*'(\.[^']*)'/g)) {
      const target = relative(root, join(root, dirname(path), name!)).split('/')[0]!
      t.true(target === folder || table[folder]!.includes(target), `${path} imports ${name}`)
    }
  }
})

test('format and wire are pure', (t) => {
  for (const { path, folder, text } of sources) {
    if (!pure.includes(folder)) continue
    t.notRegex(text, /from '(?!\.)[^']+'/, `${path} imports a package`)
    t.notRegex(
      text,
      /\b(process\.|Buffer\.|setTimeout\(|setInterval\(|Date\.now\(|fetch\()/,
      `${path} reaches outside`,
    )
  }
})

test('only main.ts of a program, and the appliance, know the process', (t) => {
  for (const { path, folder, text } of sources) {
    if (folder === 'appliance' || path.endsWith('/main.ts')) continue
    t.notRegex(text, /\bprocess\.(argv|env|exit|on|stdout|stderr|stdin)\b/, path)
  }
})

test('only disk/ syncs and renames', (t) => {
  for (const { path, folder, text } of sources) {
    if (folder === 'disk') continue
    t.notRegex(
      text,
      /\b(fsync|fdatasync|fsyncSync|fdatasyncSync|renameSync)\b|\.datasync\(\)|\brename\(/,
      path,
    )
    // `sync` of a DurableFile is disk's; that of a file somebody opened for himself is not.
    if (/\bopen\b[^}]*\} from 'node:fs\/promises'/.test(text)) t.notRegex(text, /\.sync\(\)/, path)
  }
})

test('no default exports, enums or barrels', (t) => {
  for (const { path, text } of sources) {
    if (path.endsWith('vite.config.ts')) continue
    t.notRegex(text, /^export default|^export \* from|^(export )?enum /m, path)
  }
})
