import { FormSelect, FormSelectOption, PageSection, Toolbar, ToolbarContent, ToolbarItem } from '@patternfly/react-core'
import { useMemo } from 'react'
import { Link, useSearchParams } from 'wouter'
import { useFleet } from '../fleet/fleet-context.ts'
import { formatCount } from '../format/quantity.ts'
import { formatSeconds } from '../format/time.ts'
import { FigureCard } from '../parts/figure-card.tsx'
import { PageHead } from '../parts/page-head.tsx'
import { BOOT_FILTERS, isInBootFilter } from './boot-filters.ts'
import { bootPath } from './boot-path.ts'
import { bootSums, type TimeSum } from './boot-sums.ts'
import { BootTable } from './boot-table.tsx'
import { DemandMeter } from './demand-meter.tsx'

/** Disks that nodes serve to VMs before all of it is there: how soon machines had booted, and who waited for what. */
export function BootsPage() {
  const boots = useFleet((fleet) => fleet.boots.list())
  const [params, setParams] = useSearchParams()
  const filter = params.get('filter') ?? ''
  const shown = boots.filter((boot) => isInBootFilter(boot, filter))
  const sums = useMemo(() => bootSums(boots), [boots])
  const { firstRead, booted, longestWait } = sums
  return (
    <>
      <PageHead title="Boots" />
      <PageSection className="shoal-stack">
        <div className="shoal-figures">
          <FigureCard title="Time to booted" to={pathOfMost(booted)} value={medianOf(booted)}>
            <span>the one in the middle of {formatCount(booted.count)}, from when it was asked for</span>
            <Most sum={booted} />
          </FigureCard>
          <FigureCard title="Time to first read" to={pathOfMost(firstRead)} value={medianOf(firstRead)}>
            <span>the one in the middle of {formatCount(firstRead.count)}</span>
            <Most sum={firstRead} />
          </FigureCard>
          <FigureCard title="Long waits" to="/events?filter=boot.stalled" value={formatCount(sums.stalls)}>
            <span>reads that waited for more than a second</span>
            <Most sum={longestWait} />
          </FigureCard>
          <FigureCard title="Disks served" to="/nodes" value={formatCount(sums.serving)}>
            <span>
              {sums.preparing} preparing, {sums.failed} failed
            </span>
            <DemandMeter onDemandBytes={sums.onDemandBytes} presentBytes={sums.presentBytes} />
          </FigureCard>
        </div>
        <Toolbar>
          <ToolbarContent>
            <ToolbarItem>
              <FormSelect
                aria-label="Which disks"
                value={filter}
                onChange={(_, value) => setParams(value === '' ? {} : { filter: value })}
              >
                {BOOT_FILTERS.map(([value, label]) => (
                  <FormSelectOption key={value} value={value} label={label} />
                ))}
              </FormSelect>
            </ToolbarItem>
            <ToolbarItem alignSelf="center">{formatCount(shown.length)} disks</ToolbarItem>
          </ToolbarContent>
        </Toolbar>
        <BootTable boots={shown} maxRows={14} />
      </PageSection>
    </>
  )
}

function medianOf({ median }: TimeSum): string {
  return median === null ? '–' : formatSeconds(median)
}

function pathOfMost({ most }: TimeSum): string {
  return most === null ? '/boots' : bootPath(most.boot)
}

function Most({ sum: { most } }: { sum: TimeSum }) {
  if (most === null) return null
  return (
    <span>
      {formatSeconds(most.seconds)} at most: <Link href={bootPath(most.boot)}>{most.boot.name}</Link>
    </span>
  )
}
