declare module 'pgpass' {
  /** Looks into the file that PGPASSFILE names, or ~/.pgpass. */
  function pgpass(
    of: { host: string; port: number; database: string; user: string },
    found: (password: string | undefined) => void,
  ): void
  export = pgpass
}
