import type { LayerSpread } from '@shoal/api'
import { useMemo } from 'react'
import { formatBytes } from '../format/quantity.ts'

const SHOWN = 8

/** The stretches that are on the fewest nodes: what would be lost first, and what is fetched first. */
export function RarestStretches({ spread: { copies, stretchBytes } }: { spread: LayerSpread }) {
  const rarest = useMemo(
    () =>
      copies
        .map((count, stretch) => ({ count, stretch }))
        .sort((a, b) => a.count - b.count)
        .slice(0, SHOWN),
    [copies],
  )
  const most = Math.max(1, ...copies)
  const least = rarest[0]?.count ?? 0
  return (
    <>
      <p>
        {least >= most && least > 0
          ? `Every stretch is on as many nodes as any other: ${least.toFixed(0)}.`
          : `The rarest has ${least.toFixed(1)} copies, the most common ${most.toFixed(1)}. The seed has one more of each.`}
      </p>
      <ol className="shoal-rarest">
        {rarest.map(({ count, stretch }) => (
          <li key={stretch}>
            <b>{count.toFixed(1)}</b> at {formatBytes(stretch * stretchBytes)}
          </li>
        ))}
      </ol>
    </>
  )
}
