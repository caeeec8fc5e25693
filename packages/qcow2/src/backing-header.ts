import { qcow2Error } from './errors.ts'
import { type Qcow2Header, readHeader } from './header.ts'
import { EXTENSION } from './header-extensions.ts'

/** What an overlay is to name below it. */
export interface BackingReference {
  /** A path as QEMU is to open it. */
  readonly path: string
  readonly format: 'raw' | 'qcow2'
}

const MAX_NAME_BYTES = 1023
const BACKING_OFFSET = 8
const BACKING_LENGTH = 16

/**
 * The first cluster of a qcow2 file with another backing file in its header, or with none: everything else of the file stays as it is.
 * Throws `SHOAL_QCOW2_HEADER` when the first cluster has no room, a TypeError for a path that is empty or too long for the format.
 */
export function withBacking(firstCluster: Buffer, backing: BackingReference | undefined): Buffer {
  const header = readHeader(firstCluster)
  const name = Buffer.from(backing?.path ?? '', 'utf8')
  if (backing !== undefined && (name.length === 0 || name.length > MAX_NAME_BYTES)) {
    throw new TypeError(`a backing file's name of ${name.length} bytes`)
  }
  const head = Buffer.concat([firstCluster.subarray(0, header.headerBytes), extensionsWith(header, backing?.format)])
  if (head.length + name.length > header.clusterBytes) {
    throw qcow2Error('SHOAL_QCOW2_HEADER', { reason: 'there is no room for the name of a backing file' })
  }
  const cluster = Buffer.alloc(header.clusterBytes)
  head.copy(cluster)
  name.copy(cluster, head.length)
  cluster.writeBigUInt64BE(BigInt(backing === undefined ? 0 : head.length), BACKING_OFFSET)
  cluster.writeUInt32BE(name.length, BACKING_LENGTH)
  return cluster
}

/** The list of extensions with another backing format, and its end mark. */
function extensionsWith({ extensions }: Qcow2Header, format: string | undefined): Buffer {
  const kept = extensions.filter(({ type }) => type !== EXTENSION.backingFormat)
  const all =
    format === undefined ? kept : [{ type: EXTENSION.backingFormat, data: Buffer.from(format, 'latin1') }, ...kept]
  const encoded = all.map(({ type, data }) => {
    const bytes = Buffer.alloc(8 + Math.ceil(data.length / 8) * 8)
    bytes.writeUInt32BE(type, 0)
    bytes.writeUInt32BE(data.length, 4)
    data.copy(bytes, 8)
    return bytes
  })
  return Buffer.concat([...encoded, Buffer.alloc(8)])
}
