export interface Qcow2Fields {
  magic?: string
  version?: number
  backingOffset?: bigint
  backingLength?: number
  clusterBits?: number
  virtualSize?: bigint
  encryption?: number
  l1Entries?: number
  l1Offset?: bigint
  refcountOffset?: bigint
  refcountClusters?: number
  snapshots?: number
  incompatible?: bigint
  autoclear?: bigint
  refcountOrder?: number
  headerLength?: number
  compressionType?: number
  extensions?: { type: number; data: Uint8Array; length?: number }[]
  endMarker?: boolean
  sizeBytes?: number
}

const CLUSTER = 65_536

const REFCOUNT_BLOCK = 2

/** An empty, valid version 3 image of 1 GiB with 64 KiB clusters, with the given fields changed: header, refcount table, its block, L1 table. */
export function buildQcow2(fields: Qcow2Fields = {}): Buffer {
  const version = fields.version ?? 3
  const bytes = Buffer.alloc(fields.sizeBytes ?? CLUSTER * 4)
  const head = Buffer.alloc(CLUSTER)
  head.write(fields.magic ?? 'QFI\xfb', 0, 'latin1')
  head.writeUInt32BE(version, 4)
  head.writeBigUInt64BE(fields.backingOffset ?? 0n, 8)
  head.writeUInt32BE(fields.backingLength ?? 0, 16)
  head.writeUInt32BE(fields.clusterBits ?? 16, 20)
  head.writeBigUInt64BE(fields.virtualSize ?? 1024n ** 3n, 24)
  head.writeUInt32BE(fields.encryption ?? 0, 32)
  head.writeUInt32BE(fields.l1Entries ?? 2, 36)
  head.writeBigUInt64BE(fields.l1Offset ?? BigInt(CLUSTER * 3), 40)
  head.writeBigUInt64BE(fields.refcountOffset ?? BigInt(CLUSTER), 48)
  head.writeUInt32BE(fields.refcountClusters ?? 1, 56)
  head.writeUInt32BE(fields.snapshots ?? 0, 60)
  const headerLength = version === 2 ? 72 : (fields.headerLength ?? 112)
  if (version !== 2) {
    head.writeBigUInt64BE(fields.incompatible ?? 0n, 72)
    head.writeBigUInt64BE(fields.autoclear ?? 0n, 88)
    head.writeUInt32BE(fields.refcountOrder ?? 4, 96)
    head.writeUInt32BE(headerLength, 100)
    head.writeUInt8(fields.compressionType ?? 0, 104)
  }
  let offset = Math.min(headerLength, 1024)
  for (const { type, data, length } of fields.extensions ?? []) {
    head.writeUInt32BE(type, offset)
    head.writeUInt32BE(length ?? data.length, offset + 4)
    head.set(data, offset + 8)
    offset += 8 + Math.ceil(data.length / 8) * 8
  }
  if (fields.endMarker === false) head.fill(0x11, offset)
  head.copy(bytes, 0, 0, bytes.length)
  if (bytes.length >= CLUSTER * 3) {
    bytes.writeBigUInt64BE(BigInt(CLUSTER * REFCOUNT_BLOCK), CLUSTER)
    for (let cluster = 0; cluster < 4; cluster += 1) bytes.writeUInt16BE(1, CLUSTER * REFCOUNT_BLOCK + cluster * 2)
  }
  return bytes
}
