import { readFile } from 'node:fs/promises'
import { ConfigError, configFolder, type NodeConfig, parseNodeConfig } from './config.ts'

/** Reads and checks a node.json. Throws ConfigError. */
export async function readNodeConfig(path: string): Promise<NodeConfig> {
  const text = await readFile(path, 'utf8')
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (error) {
    throw new ConfigError([{ path: '(file)', text: `${path} is not JSON: ${(error as Error).message}` }])
  }
  return parseNodeConfig(value, configFolder(path))
}
