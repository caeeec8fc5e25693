import { seededRandom } from '@shoal/core'

export const FAULTS = [
  'peer-killed',
  'seed-killed',
  'power-lost',
  'node-cut-off',
  'rack-cut-off',
  'link-halved',
  'disk-full',
  'clock-jump',
  'node-revoked',
  'node-replaced',
  'liar-joins',
  'corrupter-joins',
  'library-refuses',
  'library-slow',
  'library-truncates',
] as const

export type FaultName = (typeof FAULTS)[number]

/** One thing that goes wrong, and for how long. */
export interface PlannedFault {
  readonly fault: FaultName
  /** From the start of the run, in milliseconds. */
  readonly atMs: number
  readonly holdMs: number
  /** A node, a rack, `seed`, `library`, `liar` or `corrupter`. */
  readonly target: string
  /** From 0 to 1: how much of it, for faults that have more and less. */
  readonly strength: number
}

export interface FaultPlanOptions {
  readonly seed: number
  readonly durationMs: number
  /** Mean time between the beginnings of two faults. */
  readonly everyMs: number
  readonly racks: Readonly<Record<string, readonly string[]>>
}

const HOLD_MS = { least: 500, most: 7000 }
/** What a target gets to come back before something else happens to it. */
const RECOVERY_MS = 4000
const SEED_NODE = 'seed'
const LIBRARY = 'library'
/** Machines of nobody's, from which peers join that are not what they should be. */
export const STRANGERS = { liar: 'liar', corrupter: 'corrupter' } as const

/**
 * What goes wrong in a run: the same for the same seed. Faults overlap, but never two of one target, and while a rack is cut off its nodes
 * are left alone. Every fault is over when `durationMs` is.
 */
export function planFaults({ seed, durationMs, everyMs, racks }: FaultPlanOptions): PlannedFault[] {
  const random = seededRandom(seed)
  const nodes = Object.values(racks).flat()
  const freeAt = new Map<string, number>()
  const plan: PlannedFault[] = []
  // The first round names every kind once, so that short runs miss as few as they can; then chance alone decides.
  const first = shuffled(FAULTS, random)
  for (let atMs = everyMs / 2; atMs < durationMs; atMs += everyMs * (0.5 + random())) {
    const fault = first.pop() ?? pick(FAULTS, random)
    const holdMs = Math.round(HOLD_MS.least + random() * (HOLD_MS.most - HOLD_MS.least))
    const strength = random()
    const isFree = (target: string) => [target, ...(racks[target] ?? [])].every((one) => (freeAt.get(one) ?? 0) <= atMs)
    const free = targetsOf(fault, nodes, Object.keys(racks)).filter(isFree)
    if (free.length === 0 || atMs + holdMs > durationMs) {
      if (atMs + holdMs <= durationMs) first.unshift(fault)
      continue
    }
    const target = pick(free, random)
    for (const one of [target, ...(racks[target] ?? [])]) freeAt.set(one, atMs + holdMs + RECOVERY_MS)
    plan.push({ fault, atMs: Math.round(atMs), holdMs, target, strength })
  }
  return plan
}

function targetsOf(fault: FaultName, nodes: readonly string[], racks: readonly string[]): readonly string[] {
  if (fault === 'rack-cut-off') return racks
  if (fault === 'seed-killed') return [SEED_NODE]
  if (fault === 'liar-joins') return [STRANGERS.liar]
  if (fault === 'corrupter-joins') return [STRANGERS.corrupter]
  // On the first a machine runs for as long as the run: its disk cannot be replaced.
  if (fault === 'node-replaced') return nodes.slice(1)
  if (fault.startsWith('library-')) return [LIBRARY]
  // Now and then the seed's own machine has them, too.
  if (fault === 'power-lost' || fault === 'clock-jump' || fault === 'node-cut-off') return [...nodes, SEED_NODE]
  return nodes
}

function pick<T>(from: readonly T[], random: () => number): T {
  const one = from[Math.floor(random() * from.length)]
  if (one === undefined) throw new RangeError('there is nothing to choose from')
  return one
}

function shuffled<T>(from: readonly T[], random: () => number): T[] {
  return from
    .map((one) => ({ one, at: random() }))
    .sort((a, b) => a.at - b.at)
    .map(({ one }) => one)
}
