/** What must be known of a recording before its output can be drawn. */
export interface DrawnFacts {
  columns: number
  rows: number
  /** Without a terminal: see `ShownText`. */
  isCommand: boolean
}

/** A recorder that had no terminal says no size, or none of 0. */
const sizeDefault = { columns: 80, rows: 24 }

export function drawnFacts(
  facts: { columns?: number | undefined; rows?: number | undefined; type?: string } = {},
): DrawnFacts {
  return {
    columns: facts.columns || sizeDefault.columns,
    rows: facts.rows || sizeDefault.rows,
    isCommand: facts.type === 'command',
  }
}
