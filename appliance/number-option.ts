import { InvalidArgumentError } from 'commander'

/** For commander: takes a number from `min` to `max`, and says what was expected when it is none. */
export function numberBetween(min: number, max: number, kind: 'whole' | 'any' = 'any') {
  return (text: string): number => {
    const value = text.trim() === '' ? Number.NaN : Number(text)
    if (value >= min && value <= max && (kind === 'any' || Number.isInteger(value))) return value
    throw new InvalidArgumentError(
      `Expected a ${kind === 'whole' ? 'whole ' : ''}number from ${min} to ${max}.`,
    )
  }
}

/** For commander: `[[hours:]minutes:]seconds` as seconds. */
export function clockTime(text: string): number {
  if (/^(\d+:){0,2}\d+(\.\d+)?$/.test(text.trim()))
    return text.split(':').reduce((seconds, part) => seconds * 60 + Number(part), 0)
  throw new InvalidArgumentError('Expected a time as 83, 01:23 or 00:01:23.5.')
}
