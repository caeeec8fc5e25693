import type { Declared, ImageLimits } from './declaration.ts'
import { extentChecks } from './extent-checks.ts'
import { findForeignHead } from './foreign-format.ts'
import { formatChecks } from './format-checks.ts'
import { readHeadFacts } from './head-facts.ts'
import { imageError } from './image-errors.ts'
import { referenceChecks } from './reference-checks.ts'
import { resultOf, runChecks } from './run-checks.ts'
import { QCOW2_HEAD_CHECKS, QCOW2_TABLE_CHECKS, RAW_CHECKS, type Verdict, verdictOf } from './verdict.ts'

/** The first bytes that {@link inspectHead} wants; a shorter image gives all it has. */
export const HEAD_BYTES = 64 * 1024

const headChecks = { ...formatChecks, ...referenceChecks, ...extentChecks }

/**
 * Looks at the first {@link HEAD_BYTES} of an image as hostile input, so that a bad one is refused before the rest is read. Checks that
 * need more than these are skipped: that it is accepted says only that nothing speaks against it yet. Never throws.
 */
export function inspectHead(head: Uint8Array, declared: Declared, limits: ImageLimits): Verdict {
  const bytes = Buffer.from(head.buffer, head.byteOffset, Math.min(head.length, HEAD_BYTES))
  return declared.format === 'raw' ? inspectRaw(bytes, declared, limits) : inspectQcow2(bytes, declared, limits)
}

function inspectQcow2(head: Buffer, declared: Declared, limits: ImageLimits): Verdict {
  const facts = readHeadFacts(head, declared, limits)
  const checks = [
    ...runChecks(QCOW2_HEAD_CHECKS, headChecks, facts),
    ...QCOW2_TABLE_CHECKS.map((name) => resultOf(name, 'skipped')),
  ]
  return verdictOf('qcow2', { virtualSizeBytes: Number(facts.fields.virtualSize), checks })
}

interface RawFacts {
  readonly head: Buffer
  readonly sizeBytes: number
  readonly limits: ImageLimits
}

function inspectRaw(head: Buffer, { sizeBytes }: Declared, limits: ImageLimits): Verdict {
  const checks = runChecks<RawFacts, (typeof RAW_CHECKS)[number]>(
    RAW_CHECKS,
    {
      'declared-format': { needs: [], find: ({ head }) => foreignTo('raw', findForeignHead(head)) },
      'size-alignment': {
        needs: [],
        find: ({ sizeBytes }) =>
          sizeBytes % 512 === 0 ? undefined : imageError('SHOAL_IMAGE_SIZE_UNALIGNED', { sizeBytes }),
      },
      'virtual-size': {
        needs: ['size-alignment'],
        find: ({ sizeBytes: virtualSizeBytes, limits: { maxVirtualBytes: limitBytes } }) =>
          virtualSizeBytes <= limitBytes
            ? undefined
            : imageError('SHOAL_IMAGE_VIRTUAL_SIZE_TOO_LARGE', { virtualSizeBytes, limitBytes }),
      },
      'tail-signature': { needs: [], find: () => 'skipped' },
    },
    { head, sizeBytes, limits },
  )
  return verdictOf('raw', { virtualSizeBytes: sizeBytes, checks })
}

function foreignTo(declared: Verdict['format'], found: string | undefined) {
  return found === undefined ? undefined : imageError('SHOAL_IMAGE_FORMAT_MISMATCH', { declared, found })
}
