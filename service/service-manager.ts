import { execFile } from 'node:child_process'

// What a program tells the service manager that started it, by sd_notify(3). Node has no datagram Unix sockets, so systemd's
// own program says it; the unit needs NotifyAccess=all.

export interface ServiceManager {
  /** The program does its work from now on. */
  ready(): void
  /** It is ending on purpose. */
  stopping(): void
}

/**
 * Speaks to the service manager named by NOTIFY_SOCKET; without one it does nothing. Where the unit has a watchdog, it is told
 * three times in each interval that the event loop still runs and `alive` agrees.
 */
export function openServiceManager(
  env: NodeJS.ProcessEnv,
  {
    alive = () => true,
    failed = () => undefined,
  }: { alive?: () => boolean; failed?: (error: Error) => void } = {},
): ServiceManager {
  const { NOTIFY_SOCKET, WATCHDOG_USEC } = env
  if (!NOTIFY_SOCKET) return { ready: () => undefined, stopping: () => undefined }
  const say = (state: string) =>
    execFile('systemd-notify', [state], { env: { PATH: env.PATH, NOTIFY_SOCKET } }, (error) => {
      if (error) failed(error)
    })
  const everyMs = Number(WATCHDOG_USEC ?? 0) / 1000 / 3
  if (everyMs > 0) setInterval(() => alive() && say('WATCHDOG=1'), everyMs).unref()
  return { ready: () => void say('READY=1'), stopping: () => void say('STOPPING=1') }
}
