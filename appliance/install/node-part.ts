import { X509Certificate } from 'node:crypto'
import { readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { replaceFile } from '../../disk/atomic-replace.ts'
import { makeFolder } from '../../disk/folder.ts'
import { examineRedis } from '../../node/bus/examine-redis.ts'
import { examineCatalog } from '../../node/catalog/examine-catalog.ts'
import type { Finding } from '../../node/catalog/finding.ts'
import { isPostgres, postgresConnection } from '../../node/catalog/postgres-connection.ts'
import { makeNodeHome, setUpNode, writeClient } from '../../node/setup.ts'
import { identityOf } from '../../node/store/store-identity.ts'
import { CommandError } from '../command-error.ts'
import { findingsText, isUnusable } from '../findings.ts'
import { listensAtOne, ownUrl } from '../own-address.ts'
import type { InstallLog } from './install-log.ts'
import type { NodeOptions, NodePlan } from './node-settings.ts'
import { places, serviceUser } from './places.ts'
import { runCommand } from './run-command.ts'

export interface NodeInstalled {
  url: string
  admin?: { user: string; password: string }
  enrolmentToken?: string
}

/** Tests what the node will need, before anything is changed. Throws CommandError. */
export async function checkNode({ config, fresh }: NodePlan, log: InstallLog): Promise<void> {
  const findings: Finding[] = []
  if (isPostgres(config.catalog)) findings.push(...(await examineCatalog(config.catalog)))
  if (config.redis) findings.push(await examineRedis(config.redis))
  const [problem] = isUnusable(findings)
    ? [findingsText(findings.filter(({ level }) => level === 'fail'))]
    : []
  if (problem !== undefined)
    throw new CommandError(
      'connection',
      `A connection of the node cannot be used: ${problem.trim().replaceAll(/\s+/g, ' ')}`,
      "Nothing was changed. 'tapedeck db migrate --admin …' makes role and database; --no-db-check installs without them.",
    )
  for (const { about, found } of findings) await log.say(`Tested ${about}: ${found}.`)
  if (!fresh) return
  for (const store of config.stores) {
    const farm = (await identityOf(store))?.farm
    if (farm !== undefined)
      throw new CommandError(
        'store',
        `${store} is a store of the farm ${farm} already.`,
        "Another node of it joins with --import, a file made by 'tapedeck config-sync export'.",
      )
  }
}

/** Makes the user, the home and, unless told, the first administrator. May be repeated. */
export async function installNode(
  plan: NodePlan,
  options: NodeOptions & { dbCheck: boolean },
  log: InstallLog,
): Promise<NodeInstalled> {
  const home = places.nodeHome
  if (await addServiceUser()) await log.say(`Added the user ${serviceUser}.`)
  await makeFolder(home, 0o750)
  if (options.tlsCert !== undefined) await takeCertificate(home, options.tlsCert, options.tlsKey!)
  const { publicUrl, host } = plan.config
  const atOne = listensAtOne(host)
  const made = {
    home,
    port: plan.port,
    catalog: plan.catalog,
    settings: plan.settings,
    names: [
      ...(publicUrl === undefined ? [] : [new URL(publicUrl).hostname.replace(/^\[|\]$/g, '')]),
      ...(atOne ? [host] : []),
    ],
  }
  const url = publicUrl ?? (atOne ? ownUrl(plan.config) : `https://localhost:${plan.port}`)
  try {
    if (isPostgres(plan.catalog) && !options.dbCheck) {
      await makeNodeHome(made)
      await log.say(
        'The database was not touched: it has no administrator yet. The same command without --no-db-check makes one.',
      )
      return { url }
    }
    const { admin, created, enrolmentToken } = await setUpNode({
      ...made,
      ...(options.policy !== undefined && { policy: options.policy }),
    })
    // Nothing answers at localhost.
    if (atOne) await writeClient(home, ownUrl(plan.config))
    await log.say(created ? `Made the node's home ${home}.` : `${home} is there; what was asked for is set.`)
    if (admin) await log.say(`Made the first administrator, ${admin.user}.`)
    return { url, enrolmentToken, ...(admin && { admin }) }
  } finally {
    await runCommand('chown', '-R', `${serviceUser}:${serviceUser}`, home)
    if (plan.fresh)
      for (const store of plan.config.stores)
        if (!store.startsWith(`${home}/`)) await runCommand('chown', '-R', `${serviceUser}:`, store)
    await mayRead(plan)
  }
}

async function addServiceUser(): Promise<boolean> {
  try {
    await runCommand('getent', 'passwd', serviceUser)
    return false
  } catch {
    const settings = ['--system', '--user-group', '--no-create-home', '--shell', '/usr/sbin/nologin']
    await runCommand('useradd', ...settings, '--home-dir', places.nodeHome, serviceUser)
    return true
  }
}

async function takeCertificate(home: string, certificate: string, key: string): Promise<void> {
  const pem = await readFile(certificate, 'utf8')
  // Throws on what is no certificate.
  new X509Certificate(pem)
  await makeFolder(join(home, 'node'))
  await replaceFile(join(home, 'node', 'tls.key'), await readFile(key, 'utf8'), 0o600)
  await replaceFile(join(home, 'node', 'tls.crt'), pem, 0o644)
}

/** Passwords lie where the operator put them, made by root, and the node is another user. */
async function mayRead({ config }: NodePlan): Promise<void> {
  const files = [
    config.redis?.passwordFile,
    isPostgres(config.catalog) ? postgresConnection(config.catalog).passwordFile : undefined,
  ].filter((path) => path !== undefined)
  for (const file of files) {
    if ((await stat(file)).uid === 0) {
      await runCommand('chgrp', serviceUser, file)
      await runCommand('chmod', 'g+r', file)
    }
    try {
      const as = ['--reuid', serviceUser, '--regid', serviceUser, '--clear-groups']
      await runCommand('setpriv', ...as, 'test', '-r', file)
    } catch {
      throw new CommandError(
        'password-file',
        `The user ${serviceUser} cannot read ${file}.`,
        'Put it into a folder that this user may enter.',
      )
    }
  }
}
