/** What is different, as lines of a diff, in the order of names. */
export function changedSettings(before: Record<string, unknown>, after: Record<string, unknown>): string[] {
  const lines: string[] = []
  for (const key of [...new Set([...Object.keys(before), ...Object.keys(after)])].toSorted()) {
    const [was, is] = [JSON.stringify(before[key]), JSON.stringify(after[key])]
    if (was === is) continue
    if (was !== undefined) lines.push(`- ${key}: ${was}`)
    if (is !== undefined) lines.push(`+ ${key}: ${is}`)
  }
  return lines
}
