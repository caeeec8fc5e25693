import type { BlockSizes } from '../block-device.ts'
import type { ExportEntry } from '../exports.ts'
import { INFO, OPTION_REPLY_MAGIC, writeUint64 } from '../protocol.ts'

/** What follows the size and flags in the reply to `NBD_OPT_EXPORT_NAME`, unless the client does without. */
const RESERVED_BYTES = 124

const NO_DATA = Buffer.alloc(0)

/** One reply to an option. */
export function encodeOptionReply(option: number, type: number, data: Buffer = NO_DATA): Buffer {
  const header = Buffer.alloc(20)
  OPTION_REPLY_MAGIC.copy(header)
  header.writeUInt32BE(option, 8)
  header.writeUInt32BE(type, 12)
  header.writeUInt32BE(data.length, 16)
  return Buffer.concat([header, data])
}

/** Data of `NBD_REP_SERVER`. */
export function encodeServer({ name, description }: ExportEntry): Buffer {
  const bytes = Buffer.from(name)
  return Buffer.concat([uint32s(bytes.length), bytes, Buffer.from(description)])
}

/** Data of `NBD_REP_META_CONTEXT`. */
export function encodeMetaContext(id: number, name: string): Buffer {
  return Buffer.concat([uint32s(id), Buffer.from(name)])
}

/** The reply to `NBD_OPT_EXPORT_NAME`, which has no header. */
export function encodeExportName(sizeBytes: number, flags: number, { isPadded }: { isPadded: boolean }): Buffer {
  const bytes = Buffer.alloc(10 + (isPadded ? RESERVED_BYTES : 0))
  writeUint64(bytes, sizeBytes, 0)
  bytes.writeUInt16BE(flags, 8)
  return bytes
}

/** Data of `NBD_REP_INFO`; so are the next two. */
export function encodeInfoExport(sizeBytes: number, flags: number): Buffer {
  return Buffer.concat([infoType(INFO.export), encodeExportName(sizeBytes, flags, { isPadded: false })])
}

export function encodeInfoBlockSize({ minimum, preferred, maximum }: BlockSizes): Buffer {
  return Buffer.concat([infoType(INFO.blockSize), uint32s(minimum, preferred, maximum)])
}

export function encodeInfoText(type: number, text: string): Buffer {
  return Buffer.concat([infoType(type), Buffer.from(text)])
}

function infoType(type: number): Buffer {
  const bytes = Buffer.alloc(2)
  bytes.writeUInt16BE(type)
  return bytes
}

function uint32s(...values: number[]): Buffer {
  const bytes = Buffer.alloc(4 * values.length)
  for (const [index, value] of values.entries()) bytes.writeUInt32BE(value, 4 * index)
  return bytes
}
