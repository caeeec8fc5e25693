import { formatBytes, formatShare, shareOf } from '../format/quantity.ts'

/** What machines waited for against what was there before they asked: less of the first is better. */
export function DemandMeter({ onDemandBytes, presentBytes }: { onDemandBytes: number; presentBytes: number }) {
  const prefetched = Math.max(0, presentBytes - onDemandBytes)
  const share = presentBytes === 0 ? 0 : shareOf(onDemandBytes, presentBytes)
  return (
    <div className="shoal-demand">
      <div className="shoal-demand-bar" aria-hidden="true">
        <span style={{ width: `${share * 100}%` }} />
      </div>
      <div>
        <i className="shoal-swatch shoal-swatch-demand" /> {formatBytes(onDemandBytes)} fetched on demand
        {presentBytes === 0 ? '' : ` (${formatShare(share)})`}, <i className="shoal-swatch shoal-swatch-prefetched" />{' '}
        {formatBytes(prefetched)} prefetched or cached
      </div>
    </div>
  )
}
