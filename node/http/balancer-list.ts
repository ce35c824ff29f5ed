import type { IncomingMessage } from 'node:http'
import { BlockList, isIPv4, isIPv6 } from 'node:net'

/** Whether an address is one of the farm's balancers: only they may say who somebody else is. */
export type IsBalancer = (address: string | undefined) => boolean

/** A socket for both families writes an IPv4 peer as `::ffff:192.0.2.1`; that is the same one. */
export function openBalancerList(addresses: readonly string[]): IsBalancer {
  const list = new BlockList()
  for (const address of addresses) list.addAddress(address, isIPv4(address) ? 'ipv4' : 'ipv6')
  return (address) => {
    if (address === undefined) return false
    if (isIPv4(address)) return list.check(address, 'ipv4')
    return isIPv6(address) && list.check(address, 'ipv6')
  }
}

/**
 * Who asks, for a request that Fastify does not see. A balancer that ended TLS puts the client last in X-Forwarded-For;
 * what anybody else puts there is not read. Fastify's `request.ip` is the same by `trustedHop`.
 */
export function clientAddress(request: IncomingMessage, isBalancer: IsBalancer): string {
  const peer = request.socket.remoteAddress ?? ''
  if (!isBalancer(peer)) return peer
  const said = [request.headers['x-forwarded-for'] ?? []].flat().join(',').split(',').at(-1)!.trim()
  return isIPv4(said) || isIPv6(said) ? said : peer
}

/** For Fastify's `trustProxy`: the nearest hop alone, and only a balancer. */
export function trustedHop(isBalancer: IsBalancer): (address: string, hop: number) => boolean {
  return (address, hop) => hop === 0 && isBalancer(address)
}
