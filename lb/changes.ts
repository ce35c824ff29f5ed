import { parseConfig } from './config-text.ts'

/** What an operator wants to know before and after: `- backend nodes: server node-3 …`. Reasons do not count. */
export function changes(before: string, after: string): string[] {
  const old = linesOf(before)
  const fresh = linesOf(after)
  return [
    ...old.filter((line) => !fresh.includes(line)).map((line) => `- ${line}`),
    ...fresh.filter((line) => !old.includes(line)).map((line) => `+ ${line}`),
  ]
}

function linesOf(text: string): string[] {
  return parseConfig(text).sections.flatMap(({ words, directives }) =>
    directives.map((directive) => `${words.join(' ')}: ${directive.words.join(' ')}`),
  )
}
