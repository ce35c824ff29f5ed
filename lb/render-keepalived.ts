import type { Balancer, Farm, Floating } from './farm.ts'
import { generatedBy } from './render-haproxy.ts'

/**
 * keepalived.conf of one balancer: the floating address is where HAProxy runs. Every form in the farm file keeps blanks,
 * braces and lines out of it. The first balancer of the file is preferred only when all start at once: who has the address
 * keeps it, since each move cuts every connection.
 */
export function renderKeepalived(farm: Farm & { floating: Floating }, balancer: Balancer): string {
  const { address, interface: device, routerId, pidFile } = farm.floating
  const others = farm.balancers.filter(({ name }) => name !== balancer.name)
  const priority = 200 - 10 * farm.balancers.findIndex(({ name }) => name === balancer.name)
  return `# ${generatedBy} for the balancer ${balancer.name} of the farm ${farm.name}.
# What is changed here is lost: change the farm file, then \`tapedeck lb apply --keepalived FILE\`.

global_defs {
    # Its name in logs.
    router_id ${balancer.name}
    # Version 3 knows intervals below a second, and IPv6.
    vrrp_version 3
    # On a busy machine it must speak in time, or the other takes a living one for dead.
    vrrp_priority -20
    # A script that somebody else may write is not run as root.
    enable_script_security
    script_user root
}

vrrp_script haproxy {
    # Without HAProxy the address is of no use here. A second is the shortest interval.
    script "/usr/bin/pgrep --pidfile ${pidFile}"
    interval 1
    fall 1
    # On a busy machine a late answer is no bad one.
    timeout 10
    # A process that is back must stay a moment before the address may come.
    rise 3
}

vrrp_instance tapedeck {
    # Nobody takes the address from one who has it and works.
    state BACKUP
    nopreempt
    interface ${device}
    # One number for this farm in its network.
    virtual_router_id ${routerId}
    priority ${priority}
    # Three missed ones move the address: within two seconds of a machine's death.
    advert_int 0.5
    # By name, not by multicast, which many networks drop.
    unicast_src_ip ${balancer.address}
    unicast_peer {
${others.map((other) => `        ${other.address}\n`).join('')}    }
    virtual_ipaddress {
        ${address} dev ${device}
    }
    track_script {
        haproxy
    }
}
`
}
