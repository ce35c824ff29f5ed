import { connect } from 'node:net'
import type { LocalDesktop } from './local-desktops.ts'

/** A server on this host takes a connection at once. */
const answerMsMax = 2000

/** Whether somebody listens where the desktop should be; of one whose process is known that is known already. */
export async function answers({ process, rfb, x }: LocalDesktop): Promise<boolean> {
  if (process) return true
  const where = rfb?.address ?? { path: `/tmp/.X11-unix/X${x?.display.slice(1)}` }
  return new Promise((resolve) => {
    const socket = connect('path' in where ? where : { port: where.port, host: '127.0.0.1' })
    const done = (answered: boolean) => {
      socket.destroy()
      resolve(answered)
    }
    socket.once('connect', () => done(true))
    socket.once('error', () => done(false))
    socket.setTimeout(answerMsMax, () => done(false))
  })
}
