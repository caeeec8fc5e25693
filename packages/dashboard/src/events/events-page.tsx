import {
  FormSelect,
  FormSelectOption,
  PageSection,
  SearchInput,
  Toolbar,
  ToolbarContent,
  ToolbarItem,
} from '@patternfly/react-core'
import { useMemo, useState } from 'react'
import { useSearchParams } from 'wouter'
import { useFleet } from '../fleet/fleet-context.ts'
import { formatCount } from '../format/quantity.ts'
import { PageHead } from '../parts/page-head.tsx'
import { ArrivalsPanel } from './arrivals-panel.tsx'
import { EventTable } from './event-table.tsx'

/** Who did what: the newest first, live. */
export function EventsPage() {
  const events = useFleet((fleet) => fleet.events)
  const [params, setParams] = useSearchParams()
  const [search, setSearch] = useState('')
  const type = params.get('filter') ?? ''
  const types = useMemo(
    () => [...new Set([...events.map((event) => event.type), ...(type === '' ? [] : [type])])].sort(),
    [events, type],
  )
  const shown = events.filter((event) => {
    const text = `${event.message} ${event.node ?? ''} ${event.plan ?? ''} ${event.image ?? ''} ${event.layer ?? ''}`
    return (type === '' || event.type === type) && text.toLowerCase().includes(search.toLowerCase())
  })
  return (
    <>
      <PageHead title="Events" />
      <PageSection className="shoal-stack">
        <Toolbar>
          <ToolbarContent>
            <ToolbarItem>
              <SearchInput
                aria-label="Search events"
                placeholder="Node, plan, image, words"
                value={search}
                onChange={(_, value) => setSearch(value)}
                onClear={() => setSearch('')}
              />
            </ToolbarItem>
            <ToolbarItem>
              <FormSelect
                aria-label="Kind of event"
                value={type}
                onChange={(_, value) => setParams(value === '' ? {} : { filter: value })}
              >
                <FormSelectOption value="" label="All kinds" />
                {types.map((name) => (
                  <FormSelectOption key={name} value={name} label={name} />
                ))}
              </FormSelect>
            </ToolbarItem>
            <ToolbarItem alignSelf="center">{formatCount(shown.length)} events</ToolbarItem>
          </ToolbarContent>
        </Toolbar>
        <EventTable events={shown} />
        <ArrivalsPanel />
      </PageSection>
    </>
  )
}
