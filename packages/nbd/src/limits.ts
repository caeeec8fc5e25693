/** Bounds of a server. */
export interface NbdLimits {
  /** Connections at once; one more is closed before a word. */
  readonly connections: number
  /** From the connection to the end of the handshake, milliseconds. */
  readonly handshakeMs: number
  /** Requests of a connection that are read and whose reply has not left; then its socket is read no further. */
  readonly requestsPerConnection: number
  /** Reply buffers of a connection, bytes; one request is taken however long it is. */
  readonly bytesPerConnection: number
  /** Reply buffers of all connections beyond what each has for itself, bytes. */
  readonly sharedBytes: number
  /** Reply buffers that a connection gets whatever the others use, bytes. */
  readonly ownBytesPerConnection: number
  /** Reply buffers that are kept for reuse, bytes. */
  readonly idleBytes: number
  /** For replies that are under way when the client says goodbye, milliseconds. */
  readonly disconnectMs: number
}

/** QEMU has at most 16 requests under way on a connection, Linux 128; both split what is longer than 32 MiB. */
export const defaultNbdLimits: NbdLimits = {
  connections: 256,
  handshakeMs: 30_000,
  requestsPerConnection: 128,
  bytesPerConnection: 64 * 1024 * 1024,
  sharedBytes: 256 * 1024 * 1024,
  ownBytesPerConnection: 1024 * 1024,
  idleBytes: 16 * 1024 * 1024,
  disconnectMs: 10_000,
}

/** The defaults, with some changed. A limit that is no positive whole number is a TypeError. */
export function nbdLimits(changes: Partial<NbdLimits> = {}): NbdLimits {
  const limits = { ...defaultNbdLimits, ...changes }
  for (const [name, value] of Object.entries(limits)) {
    if (!Number.isSafeInteger(value) || value < 1) throw new TypeError(`the NBD limit ${name} is ${value}`)
  }
  return limits
}
