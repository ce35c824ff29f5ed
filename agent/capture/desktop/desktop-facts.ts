import { randomUUID } from 'node:crypto'
import { hostname } from 'node:os'
import type { Facts } from '../../../format/records.ts'
import { cutFacts, groupsMax, nameOf } from '../session-file.ts'
import type { DesktopOwner } from './desktop-owner.ts'
import type { LocalDesktop } from './local-desktops.ts'

/** What a desktop's recording says of it before anything was seen. */
export function desktopFacts({ name, program, command }: LocalDesktop, owner: DesktopOwner): Facts {
  return cutFacts({
    session: randomUUID(),
    sequence: 0,
    user: nameOf(owner.user),
    uid: owner.uid,
    groups: owner.groups.slice(0, groupsMax).map(nameOf),
    host: hostname(),
    application: nameOf(`${program} ${name}`),
    command: command.slice(0, 1024).toWellFormed(),
    client: { name: '', address: '' },
    type: 'desktop',
    startedMs: Date.now(),
    term: '',
    columns: 0,
    rows: 0,
    notified: false,
  })
}
