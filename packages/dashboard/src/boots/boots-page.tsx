import { PageSection } from '@patternfly/react-core'
import { useFleet } from '../fleet/fleet-context.ts'
import { formatBytes, formatCount, formatShare } from '../format/quantity.ts'
import { formatSeconds } from '../format/time.ts'
import { FigureCard } from '../parts/figure-card.tsx'
import { PageHead } from '../parts/page-head.tsx'
import { bootSums } from './boot-sums.ts'
import { BootTable } from './boot-table.tsx'

/** Disks that nodes serve to VMs before all of it is there: how soon the first byte came, and who waited. */
export function BootsPage() {
  const boots = useFleet((fleet) => fleet.boots.list())
  const sums = bootSums(boots)
  const seconds = (value: number | null) => (value === null ? '–' : formatSeconds(value))
  return (
    <>
      <PageHead title="Boots" />
      <PageSection className="shoal-stack">
        <div className="shoal-figures">
          <FigureCard title="Disks served" to="/boots" value={formatCount(sums.serving)}>
            <span>
              {sums.preparing} preparing, {sums.failed} failed
            </span>
          </FigureCard>
          <FigureCard title="Time to first read" to="/boots" value={seconds(sums.medianFirstReadSeconds)}>
            <span>in the middle, from when it was asked for</span>
            <span>{seconds(sums.slowestFirstReadSeconds)} at most</span>
          </FigureCard>
          <FigureCard title="Long waits" to="/events?filter=boot.stalled" value={formatCount(sums.stalls)}>
            <span>reads that waited for more than a second</span>
            <span>{seconds(sums.longestWaitSeconds)} at most</span>
          </FigureCard>
          <FigureCard title="Fetched on demand" to="/boots" value={formatBytes(sums.onDemandBytes)}>
            <span>
              {sums.presentBytes === 0
                ? 'nothing is there yet'
                : `${formatShare(sums.onDemandBytes / sums.presentBytes)} of what is there`}
            </span>
            <span>the rest was prefetched or cached</span>
          </FigureCard>
        </div>
        <BootTable boots={boots} maxRows={14} />
      </PageSection>
    </>
  )
}
