import { EXTENSION } from '../header-extensions.ts'

/** Types of the extensions that a header lists, as far as the list could be followed. */
export interface ExtensionScan {
  readonly types: readonly number[]
  /** Why it could not be followed to its end. */
  readonly fault: string | undefined
}

/** No writer makes nearly as many. */
const MAX_EXTENSIONS = 64

/**
 * Follows the list of extensions behind a header, whatever it leads to: it ends with its end mark, or with the first cluster, and it
 * has to do so within `head`.
 */
export function scanExtensions(head: Buffer, start: number, clusterBytes: number): ExtensionScan {
  const types: number[] = []
  const end = Math.min(clusterBytes, head.length)
  let offset = start
  while (offset + 8 <= end) {
    const type = head.readUInt32BE(offset)
    const length = head.readUInt32BE(offset + 4)
    if (type === EXTENSION.end) return { types, fault: undefined }
    types.push(type)
    if (length > end - offset - 8) return { types, fault: `the one at byte ${offset} is ${length} bytes long` }
    if (types.length > MAX_EXTENSIONS) return { types, fault: `there are more than ${MAX_EXTENSIONS}` }
    offset += 8 + Math.ceil(length / 8) * 8
  }
  return { types, fault: offset < clusterBytes ? 'the list has no end' : undefined }
}
