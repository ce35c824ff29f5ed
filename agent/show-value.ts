/** A wrong value of a config, as an error names it. */
export function showValue(value: unknown): string {
  return JSON.stringify(value)?.slice(0, 80) ?? 'nothing'
}
