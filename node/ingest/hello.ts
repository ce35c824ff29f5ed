import { fromBase64url } from '../../format/bytes.ts'
import type { Crypto } from '../../format/ports.ts'
import { type AgentCertificate, openToken } from '../../format/token.ts'
import { type AgentMessage, helloBytes } from '../../wire/messages.ts'
import { WireError } from '../../wire/wire-error.ts'
import type { ChannelContext } from './channel-context.ts'

type Hello = Extract<AgentMessage, { type: 'hello' }>

const enrol = 'Enrol the agent again.'

/** Who speaks: shows a certificate of this farm and has signed our nonce with its key. Throws WireError. */
function checkHello(
  hello: Hello,
  nonce: string,
  farm: { id: string; key: Uint8Array },
  crypto: Crypto,
  nowMs: number,
): AgentCertificate {
  let certificate: AgentCertificate
  try {
    certificate = openToken(hello.certificate, 'agent-certificate', farm.key, crypto)
  } catch {
    throw new WireError('certificate', 'The certificate is not one of this farm.', enrol)
  }
  if (nowMs >= certificate.until)
    throw new WireError(
      'certificate',
      `The certificate ended ${new Date(certificate.until).toISOString()}.`,
      enrol,
    )
  const key = fromBase64url(certificate.key)
  const signature = fromBase64url(hello.signature)
  if (!key || !signature || !crypto.verify(key, helloBytes(nonce, farm.id), signature))
    throw new WireError('identity', 'The signature in hello is not by the key of the certificate.', enrol)
  return certificate
}

/** Who may send. Throws WireError. */
export async function admit(context: ChannelContext, hello: Hello, nonce: string): Promise<AgentCertificate> {
  const { tokens, signer, crypto, register } = context
  const farm = { id: tokens.farm, key: signer.publicKey }
  const certificate = checkHello(hello, nonce, farm, crypto, Date.now())
  const standing = await register.agentStanding(certificate.agent, hello.machine).catch(() => undefined)
  if (standing === undefined)
    throw new WireError('unavailable', 'The node cannot tell now who may connect.', 'Try again later.')
  if (standing === 'revoked') throw revoked()
  if (standing === 'moved') throw clone('was enrolled on another machine')
  return certificate
}

/** Two hosts of one image: this one must get an identity of its own. */
export function clone(why: string): WireError {
  return new WireError('clone', `This identity ${why}.`, 'The agent renews its identity by itself.')
}

export function revoked(): WireError {
  return new WireError('revoked', 'This agent may not send any more.', 'Enrol it again if it should.')
}
