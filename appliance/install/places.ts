/** Where an installed machine has what is Tapedeck's. The units in systemd/ know the same names. */
export const places = {
  program: '/opt/tapedeck',
  command: '/usr/local/bin/tapedeck',
  units: '/etc/systemd/system',
  tmpfiles: '/etc/tmpfiles.d/tapedeck.conf',
  logRotation: '/etc/logrotate.d/tapedeck',
  /** Of a node; its user's. */
  nodeHome: '/var/lib/tapedeck-node',
  /** Of an agent; root's. */
  agentHome: '/var/lib/tapedeck',
  lbHome: '/var/lib/tapedeck-lb',
  farmFile: '/etc/tapedeck/farm.json',
  /** Which balancer of the farm this machine is. */
  balancerFile: '/etc/tapedeck/balancer',
  haproxyConfig: '/etc/haproxy/haproxy.cfg',
  haproxyMaster: '/run/haproxy-master.sock',
  keepalivedConfig: '/etc/keepalived/keepalived.conf',
  keepalivedPid: '/run/keepalived.pid',
  log: '/var/log/tapedeck/install.log',
} as const

/** Who a node runs as. */
export const serviceUser = 'tapedeck'
