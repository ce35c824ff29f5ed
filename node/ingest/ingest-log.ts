/** What ingest tells operators; pino's shape. */
export interface IngestLog {
  info(facts: object, text: string): void
  warn(facts: object, text: string): void
  error(facts: object, text: string): void
}
