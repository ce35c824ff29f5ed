import { startPostgres, type TestPostgres } from '../helpers/postgres.ts'
import type { Machine } from './network.ts'

// Two PostgreSQL, one of which follows the other. Nobody promotes it by itself: a site's own cluster manager does that.

export interface FarmDatabase {
  readonly primary: TestPostgres
  readonly standby: TestPostgres
  /** Machines of the two, as they are now. */
  readonly machines: { primary: Machine; standby: Machine }
  /** kill -9 of the primary; the standby takes over. What it had not heard yet is gone. */
  failOver(): Promise<void>
  /** A new standby in place of what was killed. */
  repair(): Promise<void>
  close(): Promise<void>
}

export async function startFarmDatabase(
  first: Machine,
  second: Machine,
  network: string,
): Promise<FarmDatabase> {
  let machines = { primary: first, standby: second }
  const primary = await startPostgres({
    machine: first,
    // A commit survives a kill; the power of this machine is not at stake.
    settings: { synchronous_commit: 'on', max_connections: '100' },
    access: [`host all all ${network}.0/24 trust`],
  })
  let now = { primary, standby: await primary.standby(second) }
  return {
    get primary() {
      return now.primary
    },
    get standby() {
      return now.standby
    },
    get machines() {
      return machines
    },
    async failOver() {
      await now.primary.stop('kill')
      await now.standby.promote()
      now = { primary: now.standby, standby: now.primary }
      machines = { primary: machines.standby, standby: machines.primary }
    },
    async repair() {
      now = { primary: now.primary, standby: await now.primary.standby(machines.standby) }
    },
    // Each is the standby of the one before it.
    close: () => primary.close(),
  }
}
