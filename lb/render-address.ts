/** Address and port as HAProxy writes them. */
export function at(address: string, port: number): string {
  return `${bracketed(address)}:${port}`
}

export function bracketed(address: string): string {
  return address.includes(':') ? `[${address}]` : address
}
