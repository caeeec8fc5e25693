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
import { actorChoices, isChosenActor } from './actor-choices.ts'
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
  const actor = params.get('actor') ?? ''
  const actors = useMemo(() => actorChoices(events, actor), [events, actor])
  const choose = (next: { filter?: string; actor?: string }) => {
    const wanted = { filter: type, actor, ...next }
    setParams(Object.fromEntries(Object.entries(wanted).filter(([, value]) => value !== '')))
  }
  const shown = events.filter((event) => {
    const text = `${event.message} ${event.actor} ${event.node ?? ''} ${event.plan ?? ''} ${event.image ?? ''} ${event.layer ?? ''}`
    const isWanted = (type === '' || event.type === type) && isChosenActor(event.actor, actor)
    return isWanted && text.toLowerCase().includes(search.toLowerCase())
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
                placeholder="Who, node, plan, image"
                value={search}
                onChange={(_, value) => setSearch(value)}
                onClear={() => setSearch('')}
              />
            </ToolbarItem>
            <ToolbarItem>
              <FormSelect aria-label="Kind of event" value={type} onChange={(_, value) => choose({ filter: value })}>
                <FormSelectOption value="" label="All kinds" />
                {types.map((name) => (
                  <FormSelectOption key={name} value={name} label={name} />
                ))}
              </FormSelect>
            </ToolbarItem>
            <ToolbarItem>
              <FormSelect aria-label="Who" value={actor} onChange={(_, value) => choose({ actor: value })}>
                <FormSelectOption value="" label="Everybody" />
                {actors.map(([value, label]) => (
                  <FormSelectOption key={value} value={value} label={label} />
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
