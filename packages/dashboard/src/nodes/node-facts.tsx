import type { Node } from '@shoal/api'
import { useNow } from '../fleet/use-now.ts'
import { placeName } from '../format/names.ts'
import { formatBytes, formatRate, shareOf } from '../format/quantity.ts'
import { formatAway } from '../format/time.ts'
import { Facts } from '../parts/facts.tsx'
import { Meter } from '../parts/meter.tsx'

export function NodeFacts({ node }: { node: Node }) {
  const now = useNow()
  const { inventory, capacityBytes } = node
  const used = inventory?.diskUsedBytes ?? 0
  return (
    <Facts
      facts={[
        ['Zone / rack', placeName(node)],
        ['Mode', describeMode(node.mode, now)],
        ['Last heartbeat', formatAway(node.lastSeenAt, now)],
        ['Swarm address', node.swarmAddress],
        ['Reachability', node.reachability],
        ['Cache', <Meter key="cache" share={shareOf(used, Math.max(1, capacityBytes))} label="Of its room" />],
        ['Layers take', `${formatBytes(used)} of ${formatBytes(capacityBytes)}`],
        ['Receives', formatRate(inventory?.downBytesPerSecond ?? 0)],
        ['Sends', formatRate(inventory?.upBytesPerSecond ?? 0)],
        ['Load', (inventory?.load1 ?? 0).toFixed(2)],
        ['Free on its disk', formatBytes(inventory?.diskFreeBytes ?? 0)],
        ['Aggregates', node.aggregates?.join(', ') || 'none'],
        ['Version', node.version],
      ]}
    />
  )
}

/** Since when, by whom and why; of one that never was anything else, that it is active. */
function describeMode({ mode, since, by, reason, isDrained }: Node['mode'], now: number): string {
  const what = isDrained && mode === 'draining' ? 'drained' : mode
  if (since === null) return what
  return `${what}, set ${formatAway(since, now)}${by === null ? '' : ` by ${by}`}${reason === '' ? '' : `: ${reason}`}`
}
