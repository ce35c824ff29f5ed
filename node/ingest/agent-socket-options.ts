import { dataBytesMax, dataHeaderBytes, subprotocol } from '../../wire/limits.ts'

/** For the `WebSocketServer` of `/agent/v1`. Zstd leaves nothing to deflate; a larger message ends the connection (1009). */
export const agentSocketOptions = {
  noServer: true,
  clientTracking: false,
  perMessageDeflate: false,
  maxPayload: dataBytesMax + dataHeaderBytes,
  /** `false` when the agent speaks another version. */
  handleProtocols: (offered: Set<string>) => (offered.has(subprotocol) ? subprotocol : false),
} as const
