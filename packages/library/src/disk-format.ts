import { open } from 'node:fs/promises'
import { extname } from 'node:path'

const QCOW2_MAGIC = 0x514649fb
const VIRTUAL_SIZE_OFFSET = 24

/** File names that are images: `.img` says nothing about the format, so the file's own magic decides there. */
export function isImageFile(fileName: string): boolean {
  return !fileName.startsWith('.') && ['.qcow2', '.raw', '.img'].includes(extname(fileName))
}

/**
 * The disk format that this directory declares for a file, and the virtual size as Glance reports it: from the
 * header of a qcow2, the file's own size for anything else. A declaration only: who imports checks the content.
 */
export async function describeDisk(
  path: string,
  declared: string | undefined,
): Promise<{ diskFormat: string; virtualSizeBytes: number | null }> {
  await using file = await open(path, 'r')
  const header = Buffer.alloc(VIRTUAL_SIZE_OFFSET + 8)
  const { bytesRead } = await file.read(header, 0, header.length, 0)
  const isQcow2 = bytesRead === header.length && header.readUInt32BE(0) === QCOW2_MAGIC
  const extension = extname(path)
  const diskFormat = declared ?? (extension === '.qcow2' || (extension === '.img' && isQcow2) ? 'qcow2' : 'raw')
  if (diskFormat !== 'qcow2') return { diskFormat, virtualSizeBytes: (await file.stat()).size }
  const size = isQcow2 ? header.readBigUInt64BE(VIRTUAL_SIZE_OFFSET) : 0n
  const known = isQcow2 && size <= BigInt(Number.MAX_SAFE_INTEGER)
  return { diskFormat, virtualSizeBytes: known ? Number(size) : null }
}
