import { request as requestPlain } from 'node:http'
import { request as requestTls } from 'node:https'
import type { TLSSocket } from 'node:tls'

const answerMsMax = 5_000

export interface ServerLook {
  /** Why it cannot be used. */
  problem?: string
  status?: number
  /** End of its certificate. */
  endsMs?: number
  /** Its clock less ours; its answer says whole seconds, so less than one is nothing. */
  skewMs: number
}

/** Goes there as a client does. `ca` = PEM to trust instead of the system's; `anybody` = whoever answers. */
export function lookAtServer(url: URL, ca?: string, anybody = false): Promise<ServerLook> {
  return new Promise((resolve) => {
    const options = {
      agent: false,
      timeout: answerMsMax,
      ...(ca !== undefined && { ca }),
      rejectUnauthorized: !anybody,
    }
    const call = (url.protocol === 'http:' ? requestPlain : requestTls)(url, options)
    call.on('timeout', () => call.destroy(new Error(`no answer within ${answerMsMax / 1000} s`)))
    call.on('error', (error) => resolve({ problem: error.message, skewMs: 0 }))
    call.on('response', (answer) => {
      answer.resume()
      const { valid_to: end } = (answer.socket as Partial<TLSSocket>).getPeerCertificate?.() ?? {}
      const said = Date.parse(answer.headers.date ?? '')
      const skew = said + 500 - Date.now()
      resolve({
        status: answer.statusCode ?? 0,
        ...(end && { endsMs: Date.parse(end) }),
        skewMs: Number.isNaN(said) || Math.abs(skew) < 1_000 ? 0 : skew,
      })
    })
    call.end()
  })
}
