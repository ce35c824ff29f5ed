import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { generate } from 'selfsigned'
import { makeFolder } from '../../disk/folder.ts'
import { postgresConnection } from '../../node/catalog/postgres-connection.ts'
import { provisionPostgres } from '../../node/catalog/provision-postgres.ts'
import { type SetUp, setUpNode } from '../../node/setup.ts'

// What all nodes of a farm share, made once: the farm's key, one certificate that names them all, the catalog with its
// first administrator, and the folder that is the store.

export interface FarmHome {
  setUp: SetUp
  /** Home of the `tapedeck` command of the farm's administrator. */
  admin: string
  /** The store, as the server of the share sees it. */
  store: string
  /** Settings that are the same in every node.json. */
  settings: Record<string, unknown>
  ca: string
  token: string
  /** Certificate and key in one file, for balancers that end TLS. */
  bundle: string
}

export interface FarmHomeOptions {
  folder: string
  /** How agents and people reach the farm. */
  url: string
  /** In the certificate. */
  addresses: string[]
  /** `postgres://…` of a role that need not exist yet, and of who may make it. */
  catalog: string
  administrator: string
}

export async function makeFarmHome(options: FarmHomeOptions): Promise<FarmHome> {
  const { folder, url, addresses, catalog } = options
  const admin = join(folder, 'admin')
  const node = join(admin, 'node')
  await makeFolder(node)
  const { cert, key } = await certificate(addresses)
  await writeFile(join(node, 'tls.crt'), cert)
  await writeFile(join(node, 'tls.key'), key, { mode: 0o600 })
  const bundle = join(folder, 'balancer.pem')
  await writeFile(bundle, `${cert}\n${key}`, { mode: 0o600 })
  await provisionPostgres(postgresConnection(catalog), {
    connection: postgresConnection(options.administrator),
  })
  const setUp = await setUpNode({
    home: admin,
    port: 443,
    catalog,
    policy: 'entire-with-notification',
  })
  const client = { url, ca: 'node/tls.crt', tokenFile: 'client.token' }
  await writeFile(join(admin, 'client.json'), JSON.stringify(client))
  return {
    setUp,
    admin,
    store: join(node, 'recordings'),
    settings: {
      publicUrl: url,
      catalog,
      tlsKey: join(node, 'tls.key'),
      tlsCert: join(node, 'tls.crt'),
      farmKey: join(admin, 'farm', 'farm.key'),
    },
    ca: cert,
    token: (await readFile(join(admin, 'client.token'), 'utf8')).trim(),
    bundle,
  }
}

async function certificate(addresses: string[]): Promise<{ cert: string; key: string }> {
  const made = await generate([{ name: 'commonName', value: 'Tapedeck farm' }], {
    keyType: 'ec',
    curve: 'P-256',
    algorithm: 'sha256',
    extensions: [
      { name: 'basicConstraints', cA: false, critical: true },
      { name: 'keyUsage', digitalSignature: true, critical: true },
      { name: 'extKeyUsage', serverAuth: true },
      {
        name: 'subjectAltName',
        altNames: [{ type: 2, value: 'rec.farm.test' }, ...addresses.map((ip) => ({ type: 7 as const, ip }))],
      },
    ],
  })
  return { cert: made.cert, key: made.private }
}
