import { Page, SkipToContent } from '@patternfly/react-core'
import { useEffect, useMemo, useState } from 'react'
import { type ConnectionState, connect } from '../fleet/connection.ts'
import { FleetContext } from '../fleet/fleet-context.ts'
import { FleetStore } from '../fleet/fleet-store.ts'
import { ConnectionNotice } from './connection-notice.tsx'
import { ConsoleMasthead } from './console-masthead.tsx'
import { Navigation } from './navigation.tsx'
import { Pages } from './pages.tsx'

/** Everything behind the sign-in: one stream, and the pages that show what it told. */
export function Console({ onRefused }: { onRefused: () => void }) {
  const fleet = useMemo(() => new FleetStore(), [])
  const [state, setState] = useState<ConnectionState>('connecting')
  const [hasData, setHasData] = useState(false)
  useEffect(
    () =>
      connect({
        onFrame: (frame) => {
          fleet.apply(frame)
          setHasData(true)
        },
        onState: setState,
        onRefused,
      }),
    [fleet, onRefused],
  )
  return (
    <FleetContext.Provider value={fleet}>
      <Page
        isManagedSidebar
        masthead={<ConsoleMasthead />}
        sidebar={<Navigation />}
        skipToContent={<SkipToContent href="#main">Skip to content</SkipToContent>}
        mainContainerId="main"
      >
        <ConnectionNotice state={state} hasData={hasData} />
        {hasData ? <Pages /> : null}
      </Page>
    </FleetContext.Provider>
  )
}
