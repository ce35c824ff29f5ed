import type { AddressInfo } from 'node:net'
import { createServer } from 'node:net'

/** A port that nobody listens at now, for programs that cannot be given 0. */
export async function freePort(host = '127.0.0.1'): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, host, resolve))
  const { port } = server.address() as AddressInfo
  await new Promise((resolve) => server.close(resolve))
  return port
}
