// So that nothing waits for ever, whatever a server, a network or another node does.

export interface PostgresLimits {
  connectionsMax: number
  connectMsMax: number
  statementMsMax: number
  answerMsMax: number
  lockMsMax: number
  idleTransactionMsMax: number
  idleMsMax: number
  keepAliveMs: number
}

export const postgresLimits: PostgresLimits = {
  /** Of a node, which writes one batch a second and serves some reviewers; six nodes stay below PostgreSQL's own 100. */
  connectionsMax: 10,
  /** For a server to answer, and for a connection to come free: two lost SYNs and a busy machine, then the next host is asked. */
  connectMsMax: 5000,
  /** The server gives up a statement: the slowest of a catalog of millions take a tenth. */
  statementMsMax: 10_000,
  /** Above it: a server that did not even give up is gone, or the way to it. */
  answerMsMax: 12_000,
  /** Locks of the catalog are held for milliseconds. */
  lockMsMax: 5000,
  /** The server drops the transaction, and the locks, of a node that fell silent. */
  idleTransactionMsMax: 15_000,
  /** Connections above what is used are given back. */
  idleMsMax: 60_000,
  /** Firewalls forget silent connections. */
  keepAliveMs: 10_000,
}

/** A batch, a question and one that waits. */
const connectionsMin = 3

/** Of one of a node's processes. */
export function limitsOf(processes: number): PostgresLimits {
  const share = Math.ceil(postgresLimits.connectionsMax / processes)
  return { ...postgresLimits, connectionsMax: Math.max(connectionsMin, share) }
}

/** One connection that may fill an index over millions of rows, or wait for the node that does. */
export const migrationLimits: PostgresLimits = {
  ...postgresLimits,
  connectionsMax: 1,
  statementMsMax: 1_800_000,
  answerMsMax: 1_805_000,
  lockMsMax: 1_800_000,
  idleTransactionMsMax: 1_800_000,
}
