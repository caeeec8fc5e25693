import type { CacheRow } from './measure-cache.ts'

/** What a node takes when nothing is configured. */
export const DEFAULT_POLICY = 'worth'

type Figures = Record<string, number | string | null>

/** The bench's answer; see README.md beside this file. */
export function cacheFigures(rows: readonly CacheRow[]): Figures {
  const traces = [...new Set(rows.map(({ trace }) => trace))]
  // Longer ones are there for the time alone.
  const starts = Math.min(...rows.map((row) => row.starts))
  const each = traces.map((trace) => compare(rows.filter((row) => row.trace === trace && row.starts === starts)))
  const impossible = each.filter(({ overBelady }) => overBelady !== null && overBelady > 1)
  const worst = (of: (one: Comparison) => number | null) => least(each.map(of))
  return {
    defaultOverBest: worst(({ overBest }) => overBest),
    defaultOverBelady: worst(({ overBelady }) => overBelady),
    defaultOverAge: worst(({ overAge }) => overAge),
    ...(impossible.length === 0
      ? {}
      : { reason: `over the bound: ${impossible.map(({ trace }) => trace).join(', ')}` }),
    defaultOverGreedyBelady: worst(({ overGreedyBelady }) => overGreedyBelady),
    defaultOverSurvival: worst(({ overSurvival }) => overSurvival),
    lastCopiesLastOverDefault: worst(({ lastCopiesLast }) => lastCopiesLast),
    seedBytesOverPopularity: most(each.map(({ seedOverPopularity }) => seedOverPopularity)),
    secondsPerMillion: slowest(rows),
    ...Object.fromEntries(
      each.flatMap(({ trace, overBest, best }) => [
        [`${camelCase(trace)}OverBest`, overBest],
        [`${camelCase(trace)}Best`, best],
      ]),
    ),
  }
}

type Comparison = ReturnType<typeof compare>

/** The rows of one trace: byte hit ratios of the default over those of others. */
function compare(rows: readonly CacheRow[]) {
  const ratioOf = (policy: CacheRow['policy'], lastCopiesLast = false) =>
    rows.find((row) => row.policy === policy && row.lastCopiesLast === lastCopiesLast)?.byteHitRatio
  const ours = ratioOf(DEFAULT_POLICY)
  const over = (other: number | undefined) => (ours === undefined || other === undefined ? null : round(ours / other))
  const isOnline = ({ policy, lastCopiesLast }: CacheRow) =>
    policy !== 'belady' && policy !== 'bound' && !lastCopiesLast
  const best = rows.filter(isOnline).toSorted((one, other) => other.byteHitRatio - one.byteHitRatio)[0]
  const lastCopies = ratioOf(DEFAULT_POLICY, true)
  const seedOf = (policy: CacheRow['policy']) =>
    rows.find((row) => row.policy === policy && !row.lastCopiesLast)?.fromSeed ?? undefined
  const [seed, seedByPopularity] = [seedOf(DEFAULT_POLICY), seedOf('popularity')]
  return {
    trace: rows[0]?.trace ?? '',
    best: best?.policy ?? null,
    overBest: over(best?.byteHitRatio),
    overBelady: over(ratioOf('bound')),
    overGreedyBelady: over(ratioOf('belady')),
    overAge: over(ratioOf('age')),
    overSurvival: over(ratioOf('survival')),
    lastCopiesLast: ours === undefined || lastCopies === undefined ? null : round(lastCopies / ours),
    seedOverPopularity: seed === undefined || seedByPopularity === undefined ? null : round(seed / seedByPopularity),
  }
}

/** Of one policy and trace, per million starts. */
function slowest(rows: readonly CacheRow[]): number {
  return Math.round(Math.max(...rows.map(({ seconds, starts }) => (seconds / starts) * 1e6)) * 10) / 10
}

function least(values: readonly (number | null)[]): number | null {
  const known = values.filter((value) => value !== null)
  return known.length === 0 || known.length < values.length ? null : Math.min(...known)
}

function most(values: readonly (number | null)[]): number | null {
  const known = values.filter((value) => value !== null)
  return known.length === 0 || known.length < values.length ? null : Math.max(...known)
}

function camelCase(name: string): string {
  return name.replaceAll(/-(\w)/g, (_, letter: string) => letter.toUpperCase())
}

function round(value: number): number {
  return Math.round(value * 1000) / 1000
}
