import { qcow2Error } from './errors.ts'

/** Types of header extensions (QEMU docs/interop/qcow2.txt, "Header extensions"). */
export const EXTENSION = {
  end: 0,
  backingFormat: 0xe2792aca,
  featureNames: 0x6803f857,
  bitmaps: 0x23852875,
  encryption: 0x0537be77,
  dataFile: 0x44415441,
} as const

/** No writer makes nearly as many; each costs memory. */
const MAX_EXTENSIONS = 64

export interface HeaderExtension {
  readonly type: number
  readonly data: Buffer
}

/** Reads the list that follows a header: it ends with its end mark, or with the first cluster. */
export function readExtensions(head: Buffer, start: number, clusterBytes: number): HeaderExtension[] {
  const invalid = (reason: string) => qcow2Error('SHOAL_QCOW2_HEADER', { reason })
  const end = Math.min(clusterBytes, head.length)
  const extensions: HeaderExtension[] = []
  for (let offset = start; offset + 8 <= end; ) {
    const type = head.readUInt32BE(offset)
    const length = head.readUInt32BE(offset + 4)
    if (type === EXTENSION.end) return extensions
    if (length > end - offset - 8) throw invalid(`its extension at byte ${offset} is ${length} bytes long`)
    if (extensions.length === MAX_EXTENSIONS) throw invalid(`it has more than ${MAX_EXTENSIONS} extensions`)
    extensions.push({ type, data: head.subarray(offset + 8, offset + 8 + length) })
    offset += 8 + Math.ceil(length / 8) * 8
  }
  return extensions
}
