import { readFile } from 'node:fs/promises'
import { farmIdOf, publicKeyFromPem } from '../../codec/ed25519.ts'
import { isPostgres, postgresConnection } from '../../node/catalog/postgres-connection.ts'
import { nodeConfigPath } from '../../node/config.ts'
import { readNodeConfig } from '../../node/read-config.ts'
import { identityOf } from '../../node/store/store-identity.ts'
import { productVersion } from '../../service/product-version.ts'
import { CommandError } from '../command-error.ts'
import { type Bundle, sealBundle } from './bundle.ts'
import { sharedSettings } from './shared-settings.ts'

/** What other nodes need to become like the one of this home. Throws CommandError where they could not. */
export async function exportConfig(home: string): Promise<{ text: string; bundle: Bundle }> {
  const path = nodeConfigPath(home)
  const config = await readNodeConfig(path)
  const problems: string[] = []
  if (!isPostgres(config.catalog))
    problems.push("its catalog is a file ('tapedeck db set postgres://… --copy' moves it)")
  const stores: Record<string, string> = {}
  for (const store of config.stores) {
    const identity = await identityOf(store)
    if (store.startsWith(`${home}/`)) problems.push(`its store ${store} lies in its own home`)
    else if (!identity) problems.push(`${store} is no store now; is it mounted?`)
    else stores[store] = identity.store
  }
  if (problems.length > 0)
    throw new CommandError('config-local', `Other nodes cannot work with this one: ${problems.join('; ')}.`)

  const given = JSON.parse(await readFile(path, 'utf8')) as Record<string, unknown>
  const farmKey = await readFile(config.farmKey, 'utf8')
  const { passwordFile } = postgresConnection(config.catalog)
  const redisFile = config.redis?.passwordFile
  const bundle: Bundle = {
    product: await productVersion(),
    farm: farmIdOf(publicKeyFromPem(farmKey)),
    from: config.name,
    made: new Date().toISOString(),
    config: { ...sharedSettings(given), stores: config.stores },
    secrets: {
      farmKey,
      tlsKey: await readFile(config.tlsKey, 'utf8'),
      tlsCert: await readFile(config.tlsCert, 'utf8'),
      ...(passwordFile !== undefined && { catalogPassword: await readFile(passwordFile, 'utf8') }),
      ...(redisFile !== undefined && { redisPassword: await readFile(redisFile, 'utf8') }),
    },
    stores,
  }
  return { text: sealBundle(bundle), bundle }
}
