/** Gives the memory back now: browsers wait for tens of megabytes of it before they collect garbage. */
export function release(bytes: Uint8Array | undefined): void {
  if (bytes?.buffer instanceof ArrayBuffer && !bytes.buffer.detached) bytes.buffer.transfer(0)
}
