/** Structured lines with a stable `code`; pino fits. */
export interface AgentLog {
  info(facts: object, text: string): void
  warn(facts: object, text: string): void
  error(facts: object, text: string): void
}
