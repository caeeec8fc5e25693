import { readHeader } from '../header.ts'
import type { RandomAccess } from '../random-access.ts'
import type { Declared, ImageLimits } from './declaration.ts'
import { findForeignTail, TAIL_BYTES } from './foreign-format.ts'
import { imageError } from './image-errors.ts'
import { HEAD_BYTES, inspectHead } from './inspect-head.ts'
import { type Finding, resultOf } from './run-checks.ts'
import { type TableFaults, TableWalk } from './table-walk.ts'
import { type CheckName, type Verdict, verdictOf } from './verdict.ts'

type Options = { signal?: AbortSignal | undefined }

/**
 * Looks at a whole image as hostile input: at its head again, its end, and at everything that the tables of a qcow2 point at; the content
 * of the disk is not read. Rejects with the signal's reason when aborted, and when the bytes cannot be read; never for what they are.
 */
export async function inspectImage(
  source: RandomAccess,
  declared: Declared,
  limits: ImageLimits,
  options: Options = {},
): Promise<Verdict> {
  const { sizeBytes } = source
  const bytes = await source.read(0, Math.min(HEAD_BYTES, sizeBytes), options)
  const head = inspectHead(bytes, { ...declared, sizeBytes }, limits)
  const tail = await inspectTail(source, declared.format, options)
  const isFollowed = declared.format === 'qcow2' && head.isAccepted
  const faults = isFollowed ? await new TableWalk(source, readHeader(bytes), options).run() : undefined
  const found = new Map<CheckName, Finding>([
    ['tail-signature', tail],
    ...(faults === undefined ? [] : toFindings(faults)),
  ])
  const checks = head.checks.map((check) =>
    found.has(check.name) ? resultOf(check.name, found.get(check.name)) : check,
  )
  return verdictOf(declared.format, { virtualSizeBytes: head.virtualSizeBytes ?? 0, checks })
}

/** What follows from entries that could not be followed stays unknown, unless it is a fault by itself. */
function toFindings(faults: TableFaults): [CheckName, Finding][] {
  const unlessAny = (...causes: (keyof TableFaults)[]): Finding => {
    return causes.some((cause) => faults[cause] !== undefined) ? 'skipped' : undefined
  }
  return [
    ['l1-entries', faults['l1-entries']],
    ['refcount-blocks', faults['refcount-blocks']],
    ['l2-tables', faults['l2-tables'] ?? unlessAny('l1-entries')],
    ['cluster-overlap', faults['cluster-overlap'] ?? unlessAny('l1-entries', 'refcount-blocks', 'l2-tables')],
    ['expansion', faults.expansion ?? unlessAny('l1-entries', 'l2-tables')],
  ]
}

async function inspectTail(source: RandomAccess, declared: Declared['format'], options: Options): Promise<Finding> {
  const found = findForeignTail(await source.read(Math.max(0, source.sizeBytes - TAIL_BYTES), TAIL_BYTES, options))
  if (found === undefined) return undefined
  const code = declared === 'raw' ? 'SHOAL_IMAGE_FORMAT_MISMATCH' : 'SHOAL_IMAGE_SECOND_FORMAT'
  return imageError(code, { declared, found })
}
