import {
  FormSelect,
  FormSelectOption,
  PageSection,
  SearchInput,
  Toolbar,
  ToolbarContent,
  ToolbarItem,
} from '@patternfly/react-core'
import { useState } from 'react'
import { useSearchParams } from 'wouter'
import { FleetMap } from '../charts/fleet-map.tsx'
import { useFleet } from '../fleet/fleet-context.ts'
import { formatCount } from '../format/quantity.ts'
import { PageHead } from '../parts/page-head.tsx'
import { Panel } from '../parts/panel.tsx'
import { isInFilter, NODE_FILTERS } from './node-filters.ts'
import { NodeTable } from './node-table.tsx'

export function NodesPage() {
  const nodes = useFleet((fleet) => fleet.nodes.list())
  const [params, setParams] = useSearchParams()
  const [search, setSearch] = useState('')
  const filter = params.get('filter') ?? ''
  const words = search.trim().toLowerCase()
  const shown = nodes.filter(
    (node) => isInFilter(node, filter) && `${node.id} ${node.zone} ${node.rack}`.toLowerCase().includes(words),
  )
  return (
    <>
      <PageHead title="Nodes" />
      <PageSection className="shoal-stack">
        <Panel title="Racks">
          <FleetMap nodes={shown} />
        </Panel>
        <Toolbar>
          <ToolbarContent>
            <ToolbarItem>
              <SearchInput
                aria-label="Search nodes"
                placeholder="Name, zone, rack"
                value={search}
                onChange={(_, value) => setSearch(value)}
                onClear={() => setSearch('')}
              />
            </ToolbarItem>
            <ToolbarItem>
              <FormSelect
                aria-label="Which nodes"
                value={filter}
                onChange={(_, value) => setParams(value === '' ? {} : { filter: value })}
              >
                {NODE_FILTERS.map(([value, label]) => (
                  <FormSelectOption key={value} value={value} label={label} />
                ))}
              </FormSelect>
            </ToolbarItem>
            <ToolbarItem alignSelf="center">{formatCount(shown.length)} nodes</ToolbarItem>
          </ToolbarContent>
        </Toolbar>
        <NodeTable nodes={shown} />
      </PageSection>
    </>
  )
}
