import type { Client } from './client.ts'

/** Prints a sign-in link that works once, within 15 minutes: for oneself, or as an administrator for another user. */
export async function link(
  client: Client,
  user: string | undefined,
  options: { json?: boolean },
): Promise<void> {
  const made = await client.call<{ url: string }>('POST', '/api/session/tickets', user ? { user } : {})
  process.stdout.write(options.json ? `${JSON.stringify(made)}\n` : `${made.url}\n`)
}
