import { AUTOCLEAR, hasFeature, INCOMPATIBLE } from '../header.ts'
import { EXTENSION } from '../header-extensions.ts'
import { findSecondFormat } from './foreign-format.ts'
import type { HeadFacts } from './head-facts.ts'
import { imageError } from './image-errors.ts'
import type { Check } from './run-checks.ts'

/** QEMU's own bound. */
const MAX_BACKING_NAME_BYTES = 1023

/** Whether an image points at what is not its disk: other files, keys, snapshots, a second format. */
export const referenceChecks = {
  'data-file': {
    needs: ['version'],
    find: ({ fields: { incompatible, autoclear }, extensions }) => {
      const isNamed =
        hasFeature(incompatible, INCOMPATIBLE.dataFile) ||
        hasFeature(autoclear, AUTOCLEAR.rawDataFile) ||
        // QEMU has followed the name with the bit clear (CVE-2024-32498).
        extensions?.types.includes(EXTENSION.dataFile)
      if (isNamed) return imageError('SHOAL_IMAGE_DATA_FILE')
      return extensions === undefined ? 'skipped' : undefined
    },
  },
  'backing-file': {
    needs: ['file-length'],
    find: ({ head, fields: { backingOffset, backingLength, headerLength }, clusterBytes, declared }) => {
      if (backingOffset === 0n && backingLength === 0) return undefined
      if (declared.allowsBackingFile !== true) return imageError('SHOAL_IMAGE_BACKING_FILE')
      if (clusterBytes === 0) return 'skipped'
      const invalid = (reason: string) => imageError('SHOAL_IMAGE_QCOW2_BACKING_NAME', { reason })
      if (backingLength === 0 || backingLength > MAX_BACKING_NAME_BYTES) return invalid(`it has ${backingLength} bytes`)
      const end = backingOffset + BigInt(backingLength)
      if (backingOffset < BigInt(headerLength)) return invalid('it lies in the header')
      if (end > BigInt(Math.min(clusterBytes, head.length))) return invalid('it lies outside the first cluster')
      return undefined
    },
  },
  encryption: {
    needs: ['file-length'],
    find: ({ fields: { cryptMethod }, extensions }) => {
      if (cryptMethod !== 0 || extensions?.types.includes(EXTENSION.encryption))
        return imageError('SHOAL_IMAGE_ENCRYPTED')
      return extensions === undefined ? 'skipped' : undefined
    },
  },
  snapshots: {
    needs: ['file-length'],
    find: ({ fields: { snapshots } }) =>
      snapshots === 0 ? undefined : imageError('SHOAL_IMAGE_SNAPSHOTS', { snapshots }),
  },
  bitmaps: {
    needs: ['header-length'],
    find: ({ extensions }) =>
      extensions?.types.includes(EXTENSION.bitmaps) ? imageError('SHOAL_IMAGE_BITMAPS') : undefined,
  },
  extensions: {
    needs: ['header-length'],
    find: ({ head, fields: { version, headerLength }, extensions, declared }) => {
      const invalid = (reason: string) => imageError('SHOAL_IMAGE_QCOW2_EXTENSION', { reason })
      if (extensions?.fault !== undefined) return invalid(extensions.fault)
      if (version !== 2) return undefined
      // Glance takes these bytes for the feature bits of version 3, and refuses what is not zero.
      if (declared.allowsBackingFile === true) {
        const isKnown = extensions?.types.every((type) => type === EXTENSION.backingFormat)
        return isKnown ? undefined : invalid('version 2 has none but the format of a backing file')
      }
      const isEmpty = head.subarray(headerLength, headerLength + 8).every((byte) => byte === 0)
      return isEmpty ? undefined : invalid('version 2 has none')
    },
  },
  'second-format': {
    needs: ['declared-format'],
    find: ({ head, declared: { format: declared } }) => {
      const found = findSecondFormat(head)
      return found === undefined ? undefined : imageError('SHOAL_IMAGE_SECOND_FORMAT', { declared, found })
    },
  },
} as const satisfies Record<string, Check<HeadFacts>>
