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
