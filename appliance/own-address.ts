/** Where this machine reaches its own node, which listens at `host`: an address, or localhost. */
export function ownAddress(host: string): string {
  if (host === '::') return '::1'
  return /^(0\.0\.0\.0|localhost)$/.test(host) ? '127.0.0.1' : host
}

export function ownUrl({ host, port }: { host: string; port: number }): string {
  const address = ownAddress(host)
  return `https://${address.includes(':') ? `[${address}]` : address}:${port}`
}

/** False where a node listens at every address, or at this machine's own alone. */
export function listensAtOne(host: string): boolean {
  return !/^(0\.0\.0\.0|::|localhost|127\..*|::1)$/.test(host)
}
