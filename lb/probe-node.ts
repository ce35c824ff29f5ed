import type { X509Certificate } from 'node:crypto'
import { createConnection, type Socket } from 'node:net'
import { text } from 'node:stream/consumers'
import { connect as connectTls } from 'node:tls'
import { certificateProblems } from './certificate.ts'
import type { Balancer, Farm, FarmNode } from './farm.ts'
import { hostNameForm } from './forms.ts'

// Goes to a node by the same ways as HAProxy will: from the balancer's own address, with a PROXY header.

const probeMs = 5_000
const signature = '0d0a0d0a000d0a515549540a'
/** PROXY protocol 2, LOCAL, no addresses: the balancer speaks for itself. */
const localHeader = Buffer.from(`${signature}20000000`, 'hex')

/** PROXY protocol 2 for somebody unknown who came to `port` of the balancer. */
function headerTo(port: number): Buffer {
  const header = Buffer.from(`${signature}2111000c${'00'.repeat(12)}`, 'hex')
  header.writeUInt16BE(port, header.length - 2)
  return header
}

export interface Finding {
  /** What was looked at. */
  at: string
  ok: boolean
  text: string
  hint?: string
}

export async function probeNode(farm: Farm, balancer: Balancer, node: FarmNode): Promise<Finding[]> {
  const { tls } = farm
  const found = [
    await look(`${node.name} port ${node.proxyPort}`, node, balancer, () => throughTls(farm, balancer, node)),
    await look(`${node.name} port ${farm.ports.agents} of the balancer`, node, balancer, () =>
      forAgentsAlone(farm, balancer, node),
    ),
    await look(`${node.name} port ${node.agentCheckPort}`, node, balancer, async () => {
      const said = (await text(open(node.address, node.agentCheckPort, balancer))).trim()
      return /^\d+%$/.test(said)
        ? { ok: true, text: `takes ${said} of its share` }
        : {
            ok: false,
            text: `says no weight: ${JSON.stringify(said.slice(0, 40))}`,
            hint: balancersHint(balancer),
          }
    }),
  ]
  if (tls.mode === 'ended') {
    const port = tls.toNodes === 'plain' ? node.plainPort : node.httpsPort
    found.push(
      await look(`${node.name} port ${port}`, node, balancer, async () => {
        const socket = open(node.address, port, balancer)
        return readiness(tls.toNodes === 'plain' ? socket : secured(farm, socket), farm)
      }),
    )
  }
  return found
}

async function throughTls(farm: Farm, balancer: Balancer, node: FarmNode): Promise<Omit<Finding, 'at'>> {
  const socket = open(node.address, node.proxyPort, balancer)
  socket.write(localHeader)
  const secure = secured(farm, socket)
  let certificate: X509Certificate | undefined
  secure.once('secureConnect', () => {
    certificate = secure.getPeerX509Certificate()
  })
  const ready = await readiness(secure, farm)
  if (!ready.ok || !certificate) return ready
  const problems = certificateProblems(certificate, farm.names)
  if (problems.length === 0) return { ok: true, text: `${ready.text}, and its certificate names the farm` }
  return {
    ok: false,
    text: problems.join('; '),
    hint: `One certificate names the farm and all its nodes: ${farm.names.join(', ')}. Put it on every node.`,
  }
}

async function forAgentsAlone(farm: Farm, balancer: Balancer, node: FarmNode): Promise<Omit<Finding, 'at'>> {
  const { agents } = farm.ports
  const socket = open(node.address, node.proxyPort, balancer)
  socket.write(headerTo(agents))
  const { status, code } = await ask(secured(farm, socket), farm)
  if (code === 'agents-only') return { ok: true, text: 'leads to agents alone' }
  return {
    ok: false,
    text: `leads to pages and API too (${status})`,
    hint: `Set "agentPort": ${agents} in its node.json.`,
  }
}

function open(host: string, port: number, { address }: Balancer): Socket {
  const socket = createConnection({ host, port, localAddress: address })
  socket.setTimeout(probeMs, () => socket.destroy(new Error(`no answer within ${probeMs} ms`)))
  socket.on('error', () => undefined)
  return socket
}

/** What the certificate is worth is looked at apart. */
function secured({ names }: Farm, socket: Socket) {
  const servername = names.find(hostNameForm.holds)
  const secure = connectTls({ socket, rejectUnauthorized: false, ...(servername && { servername }) })
  socket.on('error', (error) => secure.destroy(error))
  return secure
}

async function readiness(socket: Socket, farm: Farm): Promise<Omit<Finding, 'at'>> {
  const { status, code } = await ask(socket, farm)
  if (status === '200') return { ok: true, text: 'is ready' }
  return { ok: false, text: `is not ready: ${status} ${code}`, hint: 'Look into the log of the node.' }
}

async function ask(socket: Socket, { names }: Farm): Promise<{ status: string; code: string }> {
  socket.write(`GET /readyz HTTP/1.1\r\nHost: ${names[0]}\r\nConnection: close\r\n\r\n`)
  const answer = await text(socket)
  const status = /^HTTP\/1\.1 (\d{3})/.exec(answer)?.[1]
  if (status === undefined) throw new Error('closed without an answer')
  return { status, code: /"code":"([\w-]+)"/.exec(answer)?.[1] ?? '' }
}

async function look(
  at: string,
  node: FarmNode,
  balancer: Balancer,
  how: () => Promise<Omit<Finding, 'at'>>,
): Promise<Finding> {
  try {
    return { at, ...(await how()) }
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    const here = code === 'EADDRNOTAVAIL'
    return {
      at,
      ok: false,
      text: here ? `${balancer.address} is not an address of this machine` : `${node.address}: ${message}`,
      hint: here ? `Run it on ${balancer.name}, or with --offline.` : balancersHint(balancer),
    }
  }
}

function balancersHint({ address }: Balancer): string {
  return `Does the node run, does its node.json open this port, and is ${address} in its \`balancers\`?`
}
