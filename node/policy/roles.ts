/** SPEC S6. Agents and nodes get theirs by enrolment; people by an administrator. */
export const roles = [
  'PolicyAdministrator',
  'PolicyQuery',
  'LoggingWriter',
  'LoggingReader',
  'Player',
] as const

export type Role = (typeof roles)[number]

export function isRole(value: unknown): value is Role {
  return roles.includes(value as Role)
}

/** Who asks. */
export interface Viewer {
  name: string
  roles: readonly Role[]
}
