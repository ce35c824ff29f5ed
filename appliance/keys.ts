// What keys mean while a recording plays. Terminals spell some of them in several ways, and several keys may come at once.

const key = /\u001b\[[0-9;]*[A-Za-z~]|\u001bO[A-Z]|[\s\S]/g

export type PlayKey =
  | { kind: 'quit' | 'pause' | 'skipIdle' | 'faster' | 'slower' | 'start' | 'end' }
  | { kind: 'step'; seconds: number }

const meanings: Record<string, PlayKey> = {
  q: { kind: 'quit' },
  '\u0003': { kind: 'quit' },
  ' ': { kind: 'pause' },
  s: { kind: 'skipIdle' },
  '+': { kind: 'faster' },
  '=': { kind: 'faster' },
  '-': { kind: 'slower' },
  '[C': { kind: 'step', seconds: 5 },
  '[D': { kind: 'step', seconds: -5 },
  '[1;5C': { kind: 'step', seconds: 30 },
  '[1;5D': { kind: 'step', seconds: -30 },
  '[6~': { kind: 'step', seconds: 60 },
  '[5~': { kind: 'step', seconds: -60 },
  '[6;5~': { kind: 'step', seconds: 360 },
  '[5;5~': { kind: 'step', seconds: -360 },
  '[H': { kind: 'start' },
  '[1~': { kind: 'start' },
  '[7~': { kind: 'start' },
  '[F': { kind: 'end' },
  '[4~': { kind: 'end' },
  '[8~': { kind: 'end' },
}

/** The keys in what a terminal in raw mode sent; unknown ones are left out. */
export function keysOf(input: string): PlayKey[] {
  return (input.match(key) ?? [])
    .map((typed) => meanings[typed.length > 1 ? typed.slice(1).replace(/^O/, '[') : typed])
    .filter((meaning) => meaning !== undefined)
}
