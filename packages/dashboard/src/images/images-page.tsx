import { PageSection, SearchInput, Toolbar, ToolbarContent, ToolbarItem } from '@patternfly/react-core'
import { useState } from 'react'
import { useSearchParams } from 'wouter'
import { useFleet } from '../fleet/fleet-context.ts'
import { PageHead } from '../parts/page-head.tsx'
import { Panel } from '../parts/panel.tsx'
import { ImageTable } from './image-table.tsx'
import { LayerTable } from './layer-table.tsx'
import { layerTree } from './layer-tree.ts'

/** What the library has and what became of it; and the layers, each middle below its base. */
export function ImagesPage() {
  const images = useFleet((fleet) => fleet.images.list())
  const layers = useFleet((fleet) => fleet.layers.list())
  const [params] = useSearchParams()
  const filter = params.get('filter') ?? ''
  const [search, setSearch] = useState(filter === 'failed' ? '' : filter)
  const words = search.trim().toLowerCase()
  const shown = images.filter(({ id, name, status, import: past }) => {
    const isWanted = filter !== 'failed' || past?.state === 'failed'
    return isWanted && `${id} ${name ?? ''} ${status} ${past?.state ?? ''}`.toLowerCase().includes(words)
  })
  return (
    <>
      <PageHead title="Images and layers" />
      <PageSection className="shoal-stack">
        <Toolbar>
          <ToolbarContent>
            <ToolbarItem>
              <SearchInput
                aria-label="Search images"
                placeholder="Name, id, state"
                value={search}
                onChange={(_, value) => setSearch(value)}
                onClear={() => setSearch('')}
              />
            </ToolbarItem>
          </ToolbarContent>
        </Toolbar>
        <Panel title="Images of the library">
          <ImageTable images={shown} />
        </Panel>
        <Panel title="Layers: bases, and middles on them">
          <LayerTable rows={layerTree(layers)} />
        </Panel>
      </PageSection>
    </>
  )
}
