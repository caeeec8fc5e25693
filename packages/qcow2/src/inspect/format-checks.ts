import { hasFeature, INCOMPATIBLE } from '../header.ts'
import { findForeignHead } from './foreign-format.ts'
import { type HeadFacts, MAX_FIELD_BYTES, unknownFields } from './head-facts.ts'
import { V2_HEADER_BYTES, V3_HEADER_BYTES } from './header-fields.ts'
import { imageError } from './image-errors.ts'
import type { Check } from './run-checks.ts'

/** While the tables are looked through, memory holds two bits for each cluster of the file: 32 MiB at most. */
const MAX_CLUSTERS = 2 ** 27
const KNOWN_INCOMPATIBLE = Object.values(INCOMPATIBLE).reduce((bits, bit) => bits | (1n << BigInt(bit)), 0n)

/** Whether the first bytes are a qcow2 header of a kind that is known. */
export const formatChecks = {
  'declared-format': {
    needs: [],
    find: ({ head, declared: { format } }) => {
      const found = findForeignHead(head) ?? 'raw'
      return found === format ? undefined : imageError('SHOAL_IMAGE_FORMAT_MISMATCH', { declared: format, found })
    },
  },
  'file-length': {
    needs: ['declared-format'],
    find: ({ head, fields, declared: { sizeBytes } }) => {
      const neededBytes = fields.version === 3 ? V3_HEADER_BYTES : V2_HEADER_BYTES
      return head.length < neededBytes ? imageError('SHOAL_IMAGE_TRUNCATED', { sizeBytes, neededBytes }) : undefined
    },
  },
  version: {
    needs: ['file-length'],
    find: ({ fields: { version } }) =>
      version === 2 || version === 3 ? undefined : imageError('SHOAL_IMAGE_QCOW2_VERSION', { version }),
  },
  'cluster-size': {
    needs: ['file-length'],
    find: ({ clusterBytes, fields: { clusterBits }, declared: { sizeBytes } }) => {
      if (clusterBytes === 0) return imageError('SHOAL_IMAGE_QCOW2_CLUSTER_BITS', { clusterBits })
      if (sizeBytes < clusterBytes) return imageError('SHOAL_IMAGE_TRUNCATED', { sizeBytes, neededBytes: clusterBytes })
      const clusters = Math.ceil(sizeBytes / clusterBytes)
      if (clusters <= MAX_CLUSTERS) return undefined
      return imageError('SHOAL_IMAGE_QCOW2_CLUSTERS', { clusters, clusterBytes, limit: MAX_CLUSTERS })
    },
  },
  'header-length': {
    needs: ['version', 'cluster-size'],
    find: (facts) => {
      const { version, headerLength } = facts.fields
      if (version === 2) return undefined
      const limit = Math.min(MAX_FIELD_BYTES, facts.clusterBytes)
      const isValid = headerLength >= V3_HEADER_BYTES && headerLength <= limit && headerLength % 8 === 0
      if (isValid && unknownFields(facts).every((byte) => byte === 0)) return undefined
      return imageError('SHOAL_IMAGE_QCOW2_HEADER_LENGTH', { headerLength })
    },
  },
  features: {
    needs: ['version'],
    find: ({ fields: { incompatible } }) => {
      const unknown = incompatible & ~KNOWN_INCOMPATIBLE
      if (unknown !== 0n) return imageError('SHOAL_IMAGE_QCOW2_FEATURES', { bits: `0x${unknown.toString(16)}` })
      if (hasFeature(incompatible, INCOMPATIBLE.corrupt)) return imageError('SHOAL_IMAGE_QCOW2_CORRUPT')
      if (hasFeature(incompatible, INCOMPATIBLE.dirty)) return imageError('SHOAL_IMAGE_QCOW2_DIRTY')
      if (hasFeature(incompatible, INCOMPATIBLE.extendedL2)) return imageError('SHOAL_IMAGE_EXTENDED_L2')
      return undefined
    },
  },
  compression: {
    needs: ['header-length'],
    find: ({ fields: { incompatible, compressionType } }) => {
      // The bit says that the type is not zlib (0); the only other type is zstd (1).
      const expected = hasFeature(incompatible, INCOMPATIBLE.compressionType) ? 1 : 0
      return compressionType === expected ? undefined : imageError('SHOAL_IMAGE_QCOW2_COMPRESSION', { compressionType })
    },
  },
  'refcount-order': {
    needs: ['version'],
    find: ({ fields: { refcountOrder } }) =>
      refcountOrder <= 6 ? undefined : imageError('SHOAL_IMAGE_QCOW2_REFCOUNT_ORDER', { refcountOrder }),
  },
} as const satisfies Record<string, Check<HeadFacts>>
