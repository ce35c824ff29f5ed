/** WebSocket subprotocol, and what an agent's hello signature begins with. */
export const subprotocol = 'tapedeck.agent.1'
export const agentPath = '/agent/v1'
/**
 * For the `generateMask` of an agent's WebSocket over TLS: the key 0, which both sides pass over. Masking protects plain
 * proxies from scripts in browsers (RFC 6455, 10.3); here it would be a third of a node's work.
 */
export const noMask = (mask: Uint8Array): void => void mask.fill(0)
/** One binary message; larger ones keep other channels waiting. */
export const dataBytesMax = 256 * 1024
/** Header of a binary message: channel u32, offset u64, big-endian. */
export const dataHeaderBytes = 12
/** One control message: `open` with facts and tokens is the largest. */
export const controlBytesMax = 32 * 1024
/** Open recordings of one agent; beyond it the agent opens when others finish. */
export const channelsMax = 1024
/** Unrecorded logins named in one message; a host that has more has one trouble, not many. */
export const unrecordedMax = 64
/** Between two signs of life; a peer silent for three of them is gone. */
export const heartbeatMs = 10_000
