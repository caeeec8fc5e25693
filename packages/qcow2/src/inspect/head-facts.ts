import type { Declared, ImageLimits } from './declaration.ts'
import { type ExtensionScan, scanExtensions } from './extension-scan.ts'
import { COMPRESSION_HEADER_BYTES, type HeaderFields, readFields, V2_HEADER_BYTES } from './header-fields.ts'

/** What the checks of a qcow2 image's first bytes look at. */
export interface HeadFacts {
  readonly head: Buffer
  readonly declared: Declared
  readonly limits: ImageLimits
  readonly fields: HeaderFields
  /** 0 when the header names no valid size. */
  readonly clusterBytes: number
  /** `undefined` when the header does not say credibly where the list begins. */
  readonly extensions: ExtensionScan | undefined
}

/** No known writer makes a longer header. */
export const MAX_FIELD_BYTES = 512

export function readHeadFacts(head: Buffer, declared: Declared, limits: ImageLimits): HeadFacts {
  const fields = readFields(head)
  const { clusterBits, headerLength } = fields
  const clusterBytes = clusterBits >= 9 && clusterBits <= 21 ? 2 ** clusterBits : 0
  const isPlausible =
    headerLength >= V2_HEADER_BYTES && headerLength <= Math.min(MAX_FIELD_BYTES, clusterBytes) && headerLength % 8 === 0
  const extensions = isPlausible ? scanExtensions(head, headerLength, clusterBytes) : undefined
  return { head, declared, limits, fields, clusterBytes, extensions }
}

/** Bytes between the fields that are known and the end of the header: they are to be zero. */
export function unknownFields({ head, fields }: HeadFacts): Buffer {
  // The type of compression is one byte; seven follow that only fill up.
  return head.subarray(COMPRESSION_HEADER_BYTES - 7, Math.max(COMPRESSION_HEADER_BYTES - 7, fields.headerLength))
}
