/** What a machine of a farm can be. */
export type Role = 'all-in-one' | 'node' | 'lb' | 'agent'
export const roles: Role[] = ['all-in-one', 'node', 'lb', 'agent']

/** A part has a unit and a home of its own; a role is one or more of them. */
export type Part = 'node' | 'lb' | 'agent'

export const partsOf: Record<Role, Part[]> = {
  'all-in-one': ['node', 'agent'],
  node: ['node'],
  lb: ['lb'],
  agent: ['agent'],
}

export const unitsOf: Record<Part, string[]> = {
  node: ['tapedeck-node.service'],
  lb: ['tapedeck-lb.service'],
  agent: ['tapedeck-agent.service', 'tapedeck-host-sync.service', 'tapedeck-host-sync.path'],
}

/** Those that are started; systemd starts the others when it is time. */
export const startedOf: Record<Part, string[]> = {
  node: ['tapedeck-node.service'],
  lb: ['tapedeck-lb.service'],
  agent: ['tapedeck-agent.service', 'tapedeck-host-sync.path'],
}

/** Programs a part cannot do without, and the Debian packages that have them. */
export const programsOf: Record<Part, Record<string, string>> = {
  node: {},
  lb: { haproxy: 'haproxy' },
  agent: { script: 'bsdutils', sudo: 'sudo', setpriv: 'util-linux' },
}
