import type { Limits, LimitsChange, LimitsOverride } from '@shoal/api'

type Rates = Readonly<Record<string, number | null>>

/** What holds: what was set, else what the schedule says, else what is configured. */
export function layeredLimits(configured: Limits, scheduled: LimitsOverride, set: LimitsOverride): Limits {
  return { ...configured, ...scheduled, ...set, node: { ...configured.node, ...scheduled.node, ...set.node } }
}

/** What is overridden after a change: `configured` takes an override back. */
export function changedOverride(
  { node: nodeBefore, ...before }: LimitsOverride,
  { node, ...change }: LimitsChange,
): LimitsOverride {
  const nodeNow = changed({ ...nodeBefore }, { ...node })
  const now = changed(before, change)
  return Object.keys(nodeNow).length === 0 ? now : { ...now, node: nodeNow }
}

function changed(set: Rates, change: Readonly<Record<string, number | null | 'configured'>>): Rates {
  const now = new Map<string, number | null>(Object.entries(set))
  for (const [name, rate] of Object.entries(change)) {
    if (rate === 'configured') now.delete(name)
    else now.set(name, rate)
  }
  // In one order, so that the same is seen to be the same.
  return Object.fromEntries([...now].sort(([a], [b]) => (a < b ? -1 : 1)))
}
