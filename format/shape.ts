// A few words to describe a JSON value, enough for our records, tokens and messages, with one error that says what came.

export type Shape =
  | 'count'
  | 'number'
  | 'flag'
  | { text: number }
  | { oneOf: readonly string[] }
  | { nullable: Shape }
  | { list: Shape; max: number }
  | { tuple: readonly Shape[] }
  | { object: Record<string, Shape>; optional?: Record<string, Shape> }

/** What is wrong with `value`, or `undefined`. `count` = a whole number from 0 to 2^53-1; `text` = its greatest length in UTF-16 units. */
export function check(shape: Shape, value: unknown, path: string): string | undefined {
  if (shape === 'count')
    return Number.isSafeInteger(value) && (value as number) >= 0
      ? undefined
      : expected(path, 'a whole number from 0', value)
  if (shape === 'number') return Number.isFinite(value) ? undefined : expected(path, 'a number', value)
  if (shape === 'flag') return typeof value === 'boolean' ? undefined : expected(path, 'true or false', value)
  if ('text' in shape)
    return typeof value === 'string' && value.length <= shape.text
      ? undefined
      : expected(path, `text of at most ${shape.text} characters`, value)
  if ('oneOf' in shape)
    return shape.oneOf.includes(value as string)
      ? undefined
      : expected(path, `one of ${shape.oneOf.join(', ')}`, value)
  if ('nullable' in shape) return value === null ? undefined : check(shape.nullable, value, path)
  if ('list' in shape) {
    if (!Array.isArray(value) || value.length > shape.max)
      return expected(path, `a list of at most ${shape.max}`, value)
    return first(value.map((item, i) => [shape.list, item, `${path}[${i}]`]))
  }
  if ('tuple' in shape) {
    if (!Array.isArray(value) || value.length !== shape.tuple.length)
      return expected(path, `a list of ${shape.tuple.length}`, value)
    return first(shape.tuple.map((item, i) => [item, value[i], `${path}[${i}]`]))
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    return expected(path, 'an object', value)
  const members = value as Record<string, unknown>
  const own = (key: string) => (Object.hasOwn(members, key) ? members[key] : undefined)
  return (
    first(Object.entries(shape.object).map(([key, inner]) => [inner, own(key), `${path}.${key}`])) ??
    first(
      Object.entries(shape.optional ?? {})
        .filter(([key]) => own(key) !== undefined)
        .map(([key, inner]) => [inner, own(key), `${path}.${key}`]),
    )
  )
}

function first(items: [Shape, unknown, string][]): string | undefined {
  for (const [shape, value, path] of items) {
    const problem = check(shape, value, path)
    if (problem) return problem
  }
  return undefined
}

function expected(path: string, what: string, value: unknown): string {
  const came = value === undefined ? 'nothing' : (JSON.stringify(value)?.slice(0, 60) ?? typeof value)
  return `${path}: expected ${what}, got ${came}.`
}
