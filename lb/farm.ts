// A farm as its operator describes it, in one JSON file for all its balancers. Every text in it ends up in a config file
// of HAProxy or keepalived, so each is of a form in which nothing else can be written.

export interface Farm {
  name: string
  /** Under which agents and people reach the farm; all of them are in its certificate. */
  names: string[]
  nodes: FarmNode[]
  balancers: Balancer[]
  floating?: Floating
  tls: PassedTls | EndedTls
  ports: BalancerPorts
  times: Times
  limits: { connectionsMax: number; sourcesMax: number }
  /** Who HAProxy becomes once its ports are open; absent: it stays who started it. */
  account?: { user: string; group: string; chroot: string }
  /** Unix socket of the running process. */
  runtimeSocket: string
}

export interface FarmNode {
  name: string
  /** An address, or a name that is resolved when HAProxy starts. */
  address: string
  /** The node's `proxyPort`, `port`, `plainPort` and `agentCheckPort`. */
  proxyPort: number
  httpsPort: number
  plainPort: number
  agentCheckPort: number
}

export interface Balancer {
  name: string
  /** Its own address: nodes know it by this one, and so does the other balancer. */
  address: string
  /** Where it takes connections in; by default everywhere, the floating address included. */
  listen: string[]
}

/** The address that moves to a balancer that works. */
export interface Floating {
  /** With its prefix length: 192.0.2.10/24. */
  address: string
  interface: string
  /** Different for each farm of one network. */
  routerId: number
  /** Where HAProxy writes its process id. */
  pidFile: string
}

/** TLS goes through to the nodes. */
export interface PassedTls {
  mode: 'passed'
}

/** TLS of the port for people ends here; that of the port for agents never does. */
export interface EndedTls {
  mode: 'ended'
  /** PEM of certificate, chain and key. */
  certificate: string
  toNodes: 'encrypted' | 'plain'
  /** Who signed the nodes' certificate, PEM; with `encrypted`. */
  authority?: string
}

export interface BalancerPorts {
  http: number
  https: number
  /** Equal to the nodes' `agentPort`. */
  agents: number
  /** Balancer to balancer. */
  peers: number
  /** Page and metrics, on loopback. */
  stats: number
}

export interface Times {
  stickyS: number
  checkS: number
  slowStartS: number
  silenceS: number
  hardStopS: number
}
