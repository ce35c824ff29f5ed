import type { Finding } from '../node/catalog/finding.ts'
import { escapeControls } from './print.ts'

export const isUnusable = (findings: Finding[]) => findings.some(({ level }) => level === 'fail')

export function findingsText(findings: Finding[]): string {
  const width = Math.max(...findings.map(({ about }) => about.length))
  return findings
    .map(({ about, level, found, hint }) => {
      const line = `${level.padEnd(4)}  ${about.padEnd(width)}  ${escapeControls(found)}\n`
      return hint === undefined ? line : `${line}${' '.repeat(width + 8)}→ ${escapeControls(hint)}\n`
    })
    .join('')
}
