import type { Form } from './forms.ts'

// Reads a farm file part by part and collects what is wrong with it, so that its author hears everything at once.

export interface FarmProblem {
  path: string
  text: string
}

export class FarmError extends Error {
  readonly code = 'farm'
  readonly problems: readonly FarmProblem[]
  readonly hint = 'Correct the farm file; nothing was changed.'

  constructor(problems: readonly FarmProblem[]) {
    const lines = problems.map(({ path, text }) => `${path}: ${text}`)
    super([`The farm file has ${problems.length} problem(s).`, ...lines].join('\n'))
    this.name = 'FarmError'
    this.problems = problems
  }
}

export class Reader {
  readonly #path: string
  readonly #value: Record<string, unknown>
  readonly #problems: FarmProblem[]
  readonly #asked = new Set<string>()

  constructor(value: unknown, path = '', problems: FarmProblem[] = []) {
    this.#path = path
    this.#problems = problems
    const isObject = typeof value === 'object' && value !== null && !Array.isArray(value)
    if (!isObject) problems.push({ path: path || '(file)', text: `expected an object, got ${show(value)}` })
    this.#value = isObject ? (value as Record<string, unknown>) : {}
  }

  text(key: string, form: Form, instead?: string): string {
    return this.#checked(key, this.#take(key, instead), form)
  }

  texts(key: string, min: number, max: number, form: Form, instead?: string[]): string[] {
    return this.#items(key, min, max, instead).map((item, i) => this.#checked(`${key}[${i}]`, item, form))
  }

  number(key: string, min: number, max: number, instead?: number): number {
    const found = this.#take(key, instead)
    if (Number.isInteger(found) && (found as number) >= min && (found as number) <= max)
      return found as number
    this.#wrong(key, `expected a whole number from ${min} to ${max}, got ${show(found)}`)
    return min
  }

  choice<T extends string>(key: string, choices: readonly T[], instead?: T): T {
    const found = this.#take(key, instead)
    if (choices.includes(found as T)) return found as T
    this.#wrong(key, `expected ${choices.join(' or ')}, got ${show(found)}`)
    return choices[0]!
  }

  list<T>(key: string, min: number, max: number, parse: (item: Reader) => T): T[] {
    return this.#items(key, min, max).map((item, i) => this.#part(`${key}[${i}]`, item, parse))
  }

  /** A part whose every setting has a default. */
  inside<T>(key: string, parse: (part: Reader) => T): T {
    return this.#part(key, this.#take(key, {}), parse)
  }

  /** `null` says that it shall not be. */
  optional<T>(key: string, parse: (part: Reader) => T, instead: object | null = null): T | undefined {
    const found = this.#take(key, instead)
    return found === null ? undefined : this.#part(key, found, parse)
  }

  /** Looks at the whole, when its parts are right. Throws FarmError. */
  finish(check: (wrong: (path: string, text: string) => void) => void): void {
    this.#unknown()
    if (this.#problems.length === 0) check((path, text) => void this.#problems.push({ path, text }))
    if (this.#problems.length > 0) throw new FarmError(this.#problems)
  }

  #part<T>(key: string, value: unknown, parse: (part: Reader) => T): T {
    const part = new Reader(value, this.#where(key), this.#problems)
    const parsed = parse(part)
    part.#unknown()
    return parsed
  }

  #items(key: string, min: number, max: number, instead?: unknown[]): unknown[] {
    const found = this.#take(key, instead)
    if (Array.isArray(found) && found.length >= min && found.length <= max) return found
    this.#wrong(
      key,
      `expected a list of ${min} to ${max}, got ${Array.isArray(found) ? found.length : show(found)}`,
    )
    return []
  }

  #checked(key: string, found: unknown, form: Form): string {
    if (typeof found === 'string' && form.holds(found)) return found
    this.#wrong(key, `expected ${form.what}, got ${show(found)}`)
    return ''
  }

  #take(key: string, instead: unknown): unknown {
    this.#asked.add(key)
    return Object.hasOwn(this.#value, key) ? this.#value[key] : instead
  }

  #unknown(): void {
    for (const key of Object.keys(this.#value))
      if (!this.#asked.has(key)) this.#wrong(show(key).slice(1, -1), 'there is no such setting')
  }

  #where(key: string): string {
    return this.#path === '' ? key : `${this.#path}.${key}`
  }

  #wrong(key: string, text: string): void {
    this.#problems.push({ path: this.#where(key), text })
  }
}

function show(value: unknown): string {
  const text = JSON.stringify(value) ?? 'nothing'
  return text.length <= 80 ? text : `${text.slice(0, 79)}…`
}
