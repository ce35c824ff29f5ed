import { readFile } from 'node:fs/promises'
import { userInfo } from 'node:os'
import { join, resolve } from 'node:path'
import { openCrypto } from '../codec/crypto.ts'
import { makeFolder } from '../disk/folder.ts'
import { makeRunFolder } from './capture/run-folder.ts'
import { type AgentConfig, ConfigError } from './config.ts'
import { type DesktopStatus, Desktops } from './desktops.ts'
import { enrolByImageToken, renewIdentity } from './enrol.ts'
import type { CoverageCounts } from './host/coverage.ts'
import { coversDesktop, mayRecordDesktop } from './host/host-desktops.ts'
import { type HostPart, makeHostFolders, startHostPart } from './host/host-part.ts'
import { hostPaths } from './host/host-paths.ts'
import { type AgentIdentity, loadIdentity, signingAs } from './identity.ts'
import type { AgentLog } from './log.ts'
import { startExpiry } from './queue/expiry.ts'
import { type QueueTotals, Spool } from './queue/spool.ts'
import { isDesktop, type SpooledStream } from './queue/spooled-stream.ts'
import { Sessions } from './sessions.ts'
import { openStatusSocket } from './status-socket.ts'
import { type ConnectionStatus, Uplink } from './uplink/uplink.ts'

export interface AgentStatus {
  agent: string
  queue: QueueTotals
  connection: ConnectionStatus
  /** Logins of a host, and those that nobody records. */
  coverage?: CoverageCounts
  /** Desktops that are being recorded. */
  desktops: DesktopStatus[]
  sessions: { recording: string; user: string; command: string; startedMs: number; bytes: number }[]
}

export interface RunningAgent {
  status(): AgentStatus
  /** Resolves when the agent has another identity: close it and start it again. */
  readonly renewed: Promise<void>
  close(): Promise<void>
}

/** The agent whole: sessions → queue → farm. Throws errors with `code`. */
export async function startAgent(
  config: AgentConfig,
  options: { log: AgentLog; version: string },
): Promise<RunningAgent> {
  const home = resolve(config.home)
  const { url, messageLifeS, quotaMiB } = config
  const { log, version } = options
  await makeFolder(home)
  const crypto = openCrypto()
  const ca = await readAuthority(home, config.ca)
  const identity = await ownIdentity(home, { url, ...(ca !== undefined && { ca }) }, log)
  const renewed = Promise.withResolvers<void>()
  let status: () => unknown = () => ({ starting: true })
  const socket = await openStatusSocket(join(home, 'agent.sock'), () => status())
  try {
    let host: HostPart | undefined
    const runFolder = config.host ? await makeHostFolders() : await makeRunFolder(home)
    const root = join(home, 'spool')
    const { spool, bad } = await Spool.open(root)
    for (const recording of bad)
      log.error({ code: 'spool-bad', recording }, 'a queued recording cannot be read; it is put aside')

    const sessions = new Sessions({
      runFolder,
      spool,
      identity,
      crypto,
      log,
      onDurable: (spooled) => uplink.notify(spooled),
    })
    const desktops = new Desktops({
      settings: config.desktops,
      ...(config.host && { hostRun: hostPaths.run }),
      home,
      spool,
      identity,
      crypto,
      log,
      onDurable: (spooled) => uplink.notify(spooled),
      covers: async (owner) => (config.host ? coversDesktop(owner) : owner.uid === userInfo().uid),
      decide: async (facts, signal) => (host ? mayRecordDesktop(facts, host.decide, signal) : true),
    })
    const recorderOf = (recording: string) =>
      spool.streamsOf(recording).some(isDesktop) ? desktops : sessions
    const uplink = new Uplink({
      url,
      ...(ca !== undefined && { ca }),
      version,
      identity,
      crypto,
      spool,
      log,
      onWatched(spooled, watched) {
        if (isDesktop(spooled)) desktops.setWatched(spooled, watched)
        else sessions.setWatched(spooled.recording, watched)
      },
      onFork: (recording) => recorderOf(recording).fork(recording),
      onDiscarded: (recording) => recorderOf(recording).discard(recording),
      async onClone() {
        const { agent } = await renewIdentity(home, identity, { url, ...(ca !== undefined && { ca }) })
        log.warn(
          { code: 'clone', was: identity.agent, agent },
          'another machine has this identity; a new one is used',
        )
        renewed.resolve()
      },
    })
    const agentStatus = (): AgentStatus => ({
      agent: identity.agent,
      queue: spool.totals(Date.now(), (spooled) => uplink.acked(spooled)),
      connection: uplink.status,
      ...(host && { coverage: host.coverage }),
      desktops: desktops.status,
      sessions: [
        ...sessions.live.map(({ spooled }) => sessionOf(spooled, spooled.durable)),
        ...desktops.live.map(({ cast, bytes }) => sessionOf(cast, bytes)),
      ],
    })
    status = agentStatus
    await sessions.start()
    uplink.start()
    if (config.host) host = await startHostPart({ home, uplink, sessions, log })
    await desktops.start()
    const signerOf = (agent: string | undefined) => signingAs(identity, agent).signer
    const expiry = startExpiry({ spool, signerOf, root, messageLifeS, quotaMiB, log })

    return {
      status: agentStatus,
      renewed: renewed.promise,
      async close() {
        await host?.close()
        await expiry.close()
        await desktops.close()
        await sessions.close()
        await uplink.close()
        await spool.close()
        await socket.close()
      },
    }
  } catch (error) {
    await socket.close()
    throw error
  }
}

function sessionOf({ recording, record }: SpooledStream, bytes: number): AgentStatus['sessions'][number] {
  const { user, command, startedMs } = record.session.facts
  return { recording, user, command, startedMs, bytes }
}

// A host made from an image has no identity, or that of the machine the image was taken from.
async function ownIdentity(
  home: string,
  farm: { url: string; ca?: string },
  log: AgentLog,
): Promise<AgentIdentity> {
  try {
    const identity = await loadIdentity(home)
    if (!identity.moved) return identity
    const { agent } = await renewIdentity(home, identity, farm)
    log.warn(
      { code: 'clone', was: identity.agent, agent },
      'this machine is another one; it has a new identity',
    )
  } catch (error) {
    const { code, message } = error as Error & { code?: string }
    if (code === 'not-enrolled') {
      if (!(await enrolByImageToken(home, farm.url, farm.ca))) throw error
      log.info({ code: 'enrolled' }, 'enrolled by the token of the image')
    } else if (code === 'identity') throw error
    // Without the farm the old identity still signs; the farm will ask for another.
    else log.warn({ code: 'clone', error: message }, 'no new identity is to be had now')
  }
  return await loadIdentity(home)
}

async function readAuthority(home: string, ca: string | undefined): Promise<string | undefined> {
  if (ca === undefined) return undefined
  return readFile(join(home, ca), 'utf8').catch((error: Error) => {
    throw new ConfigError(`agent.json: ca: ${error.message}`)
  })
}
