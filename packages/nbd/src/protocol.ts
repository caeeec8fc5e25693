/**
 * Numbers of the NBD protocol, from doc/proto.md of github.com/NetworkBlockDevice/nbd, whose names they keep without `NBD_`. Those
 * that this server neither sends nor treats by themselves are left out. All are sent big endian.
 */

/** The server's first words: `INIT_PASSWD` and the magic of the newstyle handshake. */
export const GREETING_MAGIC = Buffer.from('NBDMAGICIHAVEOPT', 'latin1')
export const OPTION_MAGIC = Buffer.from('IHAVEOPT', 'latin1')
export const OPTION_REPLY_MAGIC = Buffer.from('0003e889045565a9', 'hex')
export const REQUEST_MAGIC = 0x25609513
export const SIMPLE_REPLY_MAGIC = 0x67446698
export const STRUCTURED_REPLY_MAGIC = 0x668e33ef

/** Lengths of headers, bytes. */
export const OPTION_HEADER_BYTES = 16
export const REQUEST_BYTES = 28
export const SIMPLE_REPLY_BYTES = 16
export const CHUNK_HEADER_BYTES = 20

/** What the server offers and the client takes up with the same bits. */
export const HANDSHAKE_FLAG = { fixedNewstyle: 1, noZeroes: 2 } as const

export const TRANSMISSION_FLAG = {
  hasFlags: 1 << 0,
  readOnly: 1 << 1,
  sendDf: 1 << 7,
  canMultiConn: 1 << 8,
  sendCache: 1 << 10,
} as const

export const OPTION = {
  exportName: 1,
  abort: 2,
  list: 3,
  startTls: 5,
  info: 6,
  go: 7,
  structuredReply: 8,
  listMetaContext: 9,
  setMetaContext: 10,
} as const

export const OPTION_REPLY = {
  ack: 1,
  server: 2,
  info: 3,
  metaContext: 4,
  unsupported: 0x80000001,
  policy: 0x80000002,
  invalid: 0x80000003,
  tlsRequired: 0x80000005,
  unknown: 0x80000006,
  shutdown: 0x80000007,
  tooBig: 0x80000009,
} as const

export const INFO = { export: 0, name: 1, description: 2, blockSize: 3 } as const

export const COMMAND = {
  read: 0,
  write: 1,
  disconnect: 2,
  flush: 3,
  trim: 4,
  cache: 5,
  writeZeroes: 6,
  blockStatus: 7,
} as const

export const COMMAND_FLAG = { df: 1 << 2, reqOne: 1 << 3 } as const

/** Types of the chunks of a structured reply, and the flag of the last one. */
export const CHUNK = { none: 0, offsetData: 1, offsetHole: 2, blockStatus: 5, error: 0x8001 } as const
export const CHUNK_DONE = 1

/** The number that the metadata context `base:allocation` has on every connection, and the status bits of its extents. */
export const ALLOCATION_ID = 1
export const STATE = { hole: 1, zero: 2 } as const

export const ERRNO = { none: 0, EPERM: 1, EIO: 5, EINVAL: 22, ENOSPC: 28, ESHUTDOWN: 108 } as const

/** The longest string that the protocol has: export names, queries, messages. Bytes of UTF-8. */
export const MAX_STRING_BYTES = 4096
/** A request up to here is never taken for an attack: 32 MiB. */
export const MAX_REQUEST_BYTES = 32 * 1024 * 1024
/** The largest minimum block size that may be advertised. */
export const MAX_MINIMUM_BLOCK_BYTES = 64 * 1024

const TWO_POW_32 = 2 ** 32

/** Writes a number of at most 53 bits as the protocol's 64. Two halves are several times faster than a BigInt. */
export function writeUint64(into: Buffer, value: number, at: number): void {
  into.writeUInt32BE(Math.floor(value / TWO_POW_32), at)
  into.writeUInt32BE(value % TWO_POW_32, at + 4)
}

/** Reads 64 bits; beyond 53 the result is rounded, and larger than any device. */
export function readUint64(from: Buffer, at: number): number {
  return from.readUInt32BE(at) * TWO_POW_32 + from.readUInt32BE(at + 4)
}
