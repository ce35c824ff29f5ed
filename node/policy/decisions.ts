import type { Role, Viewer } from './roles.ts'

// The only place that decides who sees what and who may change what (I9). Viewing policies (SPEC S5) come in here: each
// answer may then depend on the recording too, and `listScope` on which rows a list shows.

export type Decision = { allowed: true } | { allowed: false; missing: Role }

const need = (viewer: Viewer, role: Role): Decision =>
  viewer.roles.includes(role) ? { allowed: true } : { allowed: false, missing: role }

/** What of a recording, and that it exists at all. */
export interface Seen {
  userName: string
  host: string
  application: string
}

/** List recordings. */
export function mayList(viewer: Viewer): Decision {
  return need(viewer, 'Player')
}

/** See one recording: facts, bytes, live, export, verify. */
export function mayPlay(viewer: Viewer, _recording: Seen): Decision {
  return need(viewer, 'Player')
}

/** Delete and import recordings, users, roles, agents, tokens. */
export function mayAdminister(viewer: Viewer): Decision {
  return need(viewer, 'PolicyAdministrator')
}

/** A link shows what its issuer may see now, to those who may see it themselves. */
export function mayFollowLink(issuer: Viewer | undefined, reader: Viewer, recording: Seen): Decision {
  const own = mayPlay(reader, recording)
  if (!own.allowed) return own
  return issuer ? mayPlay(issuer, recording) : { allowed: false, missing: 'Player' }
}
