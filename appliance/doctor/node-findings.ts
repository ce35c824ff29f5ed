import { createPrivateKey, X509Certificate } from 'node:crypto'
import { existsSync } from 'node:fs'
import { readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { sql } from 'kysely'
import { farmIdOf, publicKeyFromPem } from '../../codec/ed25519.ts'
import { certificateProblems } from '../../lb/certificate.ts'
import { examineRedis } from '../../node/bus/examine-redis.ts'
import { examineCatalog } from '../../node/catalog/examine-catalog.ts'
import type { Finding as Examined } from '../../node/catalog/finding.ts'
import { connectCatalog } from '../../node/catalog/open-catalog.ts'
import { isPostgres } from '../../node/catalog/postgres-connection.ts'
import { type NodeConfig, nodeConfigPath } from '../../node/config.ts'
import { readNodeConfig } from '../../node/read-config.ts'
import { examineStore } from '../../node/store/examine-store.ts'
import type { Home } from '../home.ts'
import { ownUrl } from '../own-address.ts'
import { clockFinding } from './clock-finding.ts'
import type { Finding } from './finding.ts'
import { lookAtServer } from './look-at-server.ts'

/** All that a node needs: its keys, certificate, stores, database and Redis, and whether it answers. */
export async function nodeFindings(home: Home): Promise<Finding[]> {
  let config: NodeConfig
  try {
    config = await readNodeConfig(nodeConfigPath(home.root))
  } catch (error) {
    const problems = (error as Error).message.split('\n')
    return problems.map((text) => ({ level: 'fail', code: 'node-config', text, hint: 'Correct node.json.' }))
  }
  const findings: Finding[] = []
  const farm = await keyFindings(home, config, findings)
  findings.push(...(await certificateFindings(config)))
  for (const store of config.stores) findings.push(...(await examineStore(store, farm)).map(as('store')))
  findings.push(...(await examineCatalog(config.catalog)).map(as('catalog')))
  if (isPostgres(config.catalog)) findings.push(...(await databaseClock(config.catalog)))
  if (config.redis) findings.push(as('redis')(await examineRedis(config.redis)))
  if (!existsSync(join(config.web, 'index.html')))
    findings.push({
      level: 'fail',
      code: 'web',
      text: `There are no pages in ${config.web}.`,
      hint: 'Install again.',
    })
  findings.push(await answerFinding(config))
  return findings
}

function as(code: string) {
  return ({ about, level, found, hint }: Examined): Finding => ({
    level,
    code,
    text: `${about}: ${found}`,
    ...(hint !== undefined && { hint }),
  })
}

async function keyFindings(home: Home, { farmKey }: NodeConfig, findings: Finding[]): Promise<string> {
  try {
    const id = farmIdOf(publicKeyFromPem(await readFile(farmKey, 'utf8')))
    const known = await readFile(home.farmPublicKey, 'utf8').catch(() => undefined)
    if (known !== undefined && farmIdOf(publicKeyFromPem(known)) !== id)
      findings.push({
        level: 'fail',
        code: 'farm-key',
        text: `${farmKey} is not the key of ${home.farmPublicKey}.`,
        hint: 'Put back the key of this farm: agents and recordings know no other.',
      })
    else if (((await stat(farmKey)).mode & 0o077) !== 0)
      findings.push({
        level: 'warn',
        code: 'farm-key',
        text: `Others may read ${farmKey}, and could sign as the farm.`,
        hint: `chmod 600 ${farmKey}`,
      })
    else findings.push({ level: 'ok', code: 'farm-key', text: `The farm is ${id}.` })
    return id
  } catch (error) {
    findings.push({
      level: 'fail',
      code: 'farm-key',
      text: `The farm's key cannot be read: ${(error as Error).message}`,
      hint: 'Put it back from the backup, or import the configuration of another node.',
    })
    return ''
  }
}

async function certificateFindings({ tlsCert, tlsKey, publicUrl }: NodeConfig): Promise<Finding[]> {
  try {
    const certificate = new X509Certificate(await readFile(tlsCert))
    const names = publicUrl === undefined ? [] : [new URL(publicUrl).hostname.replace(/^\[|\]$/g, '')]
    const problems = certificateProblems(certificate, names)
    if (!certificate.checkPrivateKey(createPrivateKey(await readFile(tlsKey))))
      problems.push(`${tlsKey} is not its key`)
    if (problems.length > 0)
      return problems.map((text) => ({
        level: /ends soon/.test(text) ? 'warn' : 'fail',
        code: 'certificate',
        text: `${tlsCert}: ${text}.`,
        hint: 'One certificate names the balancer and every node. Put it on each, then reload them one by one.',
      }))
    const ends = certificate.validToDate.toISOString().slice(0, 10)
    return [{ level: 'ok', code: 'certificate', text: `${tlsCert} is good until ${ends}.` }]
  } catch (error) {
    return [
      {
        level: 'fail',
        code: 'certificate',
        text: (error as Error).message,
        hint: 'Put certificate and key in place.',
      },
    ]
  }
}

async function databaseClock(connection: string): Promise<Finding[]> {
  const db = connectCatalog(connection)
  try {
    const { rows } = await sql<{
      ms: number
    }>`select extract(epoch from clock_timestamp()) * 1000 as ms`.execute(db)
    return [clockFinding('the database', Number(rows[0]!.ms) - Date.now())]
  } catch {
    // Said by what looked at the database.
    return []
  } finally {
    await db.destroy()
  }
}

async function answerFinding({ host, port }: NodeConfig): Promise<Finding> {
  const url = new URL('/readyz', ownUrl({ host, port }))
  const at = url.host
  // Whose certificate that is was looked at above.
  const { problem, status } = await lookAtServer(url, undefined, true)
  if (status === 200) return { level: 'ok', code: 'node', text: `The node is ready at ${at}.` }
  return {
    level: 'fail',
    code: 'node',
    text: problem === undefined ? `The node at ${at} is not ready.` : `No node answers at ${at}: ${problem}`,
    hint: "'systemctl status tapedeck-node' and 'journalctl -u tapedeck-node' say more.",
  }
}
