import type { BenchFigures } from '../run.ts'
import type { BootCase } from './boot-case.ts'
import type { BootRun } from './measure-boots.ts'
import { OUR_VARIANTS, type OurRun, PLAIN_VARIANTS, type Variant } from './measure-variant.ts'

/** Where a run stands: what it is found by when a bench goes on. */
export type BootPlace = Pick<BootCase, 'guest' | 'nodes'> & { readonly variant: Variant; readonly round: number }
/** One run as the result file keeps it: measured, or why not. */
export type BootRow = BootPlace & (BootRun | OurRun | { readonly reason: string })

type Value = number | null

const SERVED: readonly Variant[] = ['on-demand', 'profiled', 'planned']

/**
 * The bench's answer. Seconds are medians of the rounds; the ratios at the top are of the last guests, and of several
 * cases the worst; `null` with a reason where one could not be measured.
 */
export function bootFigures(rows: readonly BootRow[]): BenchFigures {
  const cases = [...new Set(rows.map(caseOf))]
  const ratios = (over: Variant, under: Variant) => {
    const tried = cases.filter((name) => rows.some((row) => caseOf(row) === name && row.variant === over))
    return tried.map((name) => ratio(seconds(rows, name, over, last), seconds(rows, name, under, last)))
  }
  const served = rows.filter((row): row is BootPlace & OurRun => SERVED.includes(row.variant) && 'libraryCopies' in row)
  return {
    plannedOverLocal: worst(ratios('planned', 'local'), Math.max),
    onDemandOverLocal: worst(ratios('profiled', 'local'), Math.max),
    glanceOverOnDemand: worst(ratios('glance', 'profiled'), Math.min),
    libraryCopies: served.length === 0 ? null : Math.max(...served.map(({ libraryCopies }) => libraryCopies)),
    unprofiledOverLocal: worst(ratios('on-demand', 'local'), Math.max),
    plannedChainOverLocal: worst(ratios('planned-chain', 'local'), Math.max),
    torrentOverOnDemand: worst(ratios('torrent', 'profiled'), Math.min),
    ...reasonOf(rows),
    ...Object.assign({}, ...cases.map((name) => caseFigures(rows, name))),
  }
}

function caseFigures(rows: readonly BootRow[], name: string): Record<string, Value> {
  const entries = [...PLAIN_VARIANTS, ...OUR_VARIANTS].flatMap((variant) => {
    if (!rows.some((row) => caseOf(row) === name && row.variant === variant)) return []
    const label = `${name}${capital(variant)}`
    return [
      [`${label}First`, seconds(rows, name, variant, ({ firstSeconds }) => firstSeconds)],
      [`${label}Median`, seconds(rows, name, variant, ({ medianSeconds }) => medianSeconds)],
      [`${label}Last`, seconds(rows, name, variant, last)],
    ] as const
  })
  const measured = rows.filter((row): row is BootPlace & BootRun => caseOf(row) === name && !('reason' in row))
  const local = measured.filter(({ variant }) => variant === 'local').map(({ guestCpuSeconds }) => guestCpuSeconds)
  return { ...Object.fromEntries(entries), [`${name}GuestCpuSeconds`]: median(local) }
}

function caseOf({ guest, nodes }: BootPlace): string {
  return `${guest}${nodes}`
}

function last({ lastSeconds }: BootRun): number {
  return lastSeconds
}

function seconds(rows: readonly BootRow[], name: string, variant: Variant, pick: (run: BootRun) => number): Value {
  const runs = rows.filter((row) => caseOf(row) === name && row.variant === variant)
  return median(runs.filter((row): row is BootPlace & BootRun => !('reason' in row)).map(pick))
}

function reasonOf(rows: readonly BootRow[]): BenchFigures {
  const failed = rows.find((row) => 'reason' in row)
  if (failed === undefined || !('reason' in failed)) return {}
  return { reason: `${caseOf(failed)} ${failed.variant}: ${failed.reason}`.slice(0, 300) }
}

function worst(values: readonly Value[], choose: (...values: number[]) => number): Value {
  const known = values.filter((value) => value !== null)
  return known.length < values.length || known.length === 0 ? null : choose(...known)
}

/** Of what was measured; `null` when nothing was. */
function median(values: readonly number[]): Value {
  const sorted = values.toSorted((a, b) => a - b)
  const [low, high] = [sorted[Math.ceil(sorted.length / 2) - 1], sorted[Math.floor(sorted.length / 2)]]
  return low === undefined || high === undefined ? null : round((low + high) / 2)
}

function ratio(value: Value, over: Value): Value {
  return value === null || over === null ? null : round(value / over)
}

function round(value: number): number {
  return Math.round(value * 1000) / 1000
}

/** `planned-chain` as a part of a name: `PlannedChain`. */
function capital(variant: Variant): string {
  return variant.replaceAll(/(?:^|-)([a-z])/g, (_, letter: string) => letter.toUpperCase())
}
