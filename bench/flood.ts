import { facts } from '../test/helpers/sample-stream.ts'
import { LoadAgent, type LoadIdentity, type LoadWay } from './load-agent.ts'
import { type Body, makeLoadStream } from './load-streams.ts'

export interface Flooded {
  bytes: number
  /** From the first byte sent to the last one acknowledged. */
  seconds: number
  /** Which server each agent was on. */
  nodes: string[]
}

export interface FloodOptions {
  port: number
  ca: string
  identities: readonly LoadIdentity[]
  body: Body
  bytesEach: number
  /** How the agent of this number connects. */
  way?(number: number): LoadWay
}

/** A stream an agent, all at once. */
export async function flood(options: FloodOptions): Promise<Flooded> {
  const { port, ca, identities, body, bytesEach, way = () => ({}) } = options
  const agents = await Promise.all(
    identities.map((identity, i) => LoadAgent.connect(port, ca, identity, way(i))),
  )
  const streams = identities.map((identity) => makeLoadStream(identity, facts, body, bytesEach))
  const done = streams.map(() => Promise.withResolvers<void>())
  await Promise.all(
    agents.map((agent, i) =>
      agent.open(1, streams[i]!, (offset) => {
        if (offset === streams[i]!.bytes.length) done[i]!.resolve()
      }),
    ),
  )
  const since = performance.now()
  for (const [i, agent] of agents.entries()) agent.provide(1, streams[i]!.bytes.length)
  await Promise.all(agents.map((agent, i) => agent.orFailed(done[i]!.promise)))
  const seconds = (performance.now() - since) / 1000
  await Promise.all(agents.map((agent) => agent.close()))
  return {
    bytes: streams.reduce((sum, { bytes }) => sum + bytes.length, 0),
    seconds,
    nodes: agents.map(({ node }) => node),
  }
}
