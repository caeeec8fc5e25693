import type { BootRow } from '@shoal/api'
import { secondsBetween } from '../format/time.ts'

/** A step of a boot that is over, or under way. */
export interface BootStep {
  readonly name: string
  readonly meaning: string
  /** From when the boot was asked for until the step began. */
  readonly fromSeconds: number
  /** How long it took; null: it is not over, or nobody knows. */
  readonly seconds: number | null
}

type Timed = Pick<BootRow, 'preparedAt' | 'spans' | 'reads'>

/** When each step ended, from when the boot was asked for. Seconds; null: not yet, or nobody knows. */
export function bootTimes({ preparedAt, spans, reads }: Timed): {
  readonly open: number | null
  readonly firstRead: number | null
  readonly booted: number | null
} {
  const after = (at: string | null | undefined) =>
    at === null || at === undefined ? null : Math.max(0, secondsBetween(preparedAt, at))
  const firstReadAt = spans === undefined ? reads.firstReadAt : spans.firstReadAt
  return { open: after(spans?.openAt), firstRead: after(firstReadAt), booted: after(spans?.bootedAt) }
}

/** The steps of a boot in their order, as far as they have begun. */
export function bootSteps(boot: Timed): BootStep[] {
  const { open, firstRead, booted } = bootTimes(boot)
  const ends = [
    ['Disk opened', 'its layers were found, held and described, and its top made', open],
    ['First read', 'somebody started the machine, and its firmware came to its disk', firstRead],
    ['Booted', 'it read what a boot reads, in part from other nodes', booted],
  ] as const
  const steps: BootStep[] = []
  let fromSeconds = 0
  for (const [name, meaning, end] of ends) {
    steps.push({ name, meaning, fromSeconds, seconds: end === null ? null : Math.max(0, end - fromSeconds) })
    if (end === null) break
    fromSeconds = Math.max(fromSeconds, end)
  }
  return steps
}
