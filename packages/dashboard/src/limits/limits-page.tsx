import { PageSection } from '@patternfly/react-core'
import { useState } from 'react'
import { call } from '../api/call.ts'
import { useFleet } from '../fleet/fleet-context.ts'
import { useAnswer } from '../fleet/use-answer.ts'
import { PageHead } from '../parts/page-head.tsx'
import { Panel } from '../parts/panel.tsx'
import { Problem } from '../parts/problem.tsx'
import { LibraryFacts } from './library-facts.tsx'
import { LimitsForm } from './limits-form.tsx'
import { LimitsTable } from './limits-table.tsx'

/** What may be moved: what is configured, scheduled and set, and what holds. */
export function LimitsPage() {
  const [version, setVersion] = useState(0)
  const overview = useFleet((fleet) => fleet.overview)
  const { answer, problem } = useAnswer((signal) => call('showLimits', { signal }), version, 0)
  return (
    <>
      <PageHead title="Limits" />
      <PageSection className="shoal-stack">
        {overview === undefined ? null : (
          <Panel title="Library and seed now">
            <LibraryFacts overview={overview} />
          </Panel>
        )}
        {problem === undefined ? null : <Problem error={problem} />}
        {answer === undefined ? null : (
          <>
            <Panel title="Limits on payload">
              <LimitsTable status={answer} />
            </Panel>
            <Panel title="Set the limits of library and seed">
              <LimitsForm status={answer} onSet={() => setVersion((now) => now + 1)} />
            </Panel>
          </>
        )}
      </PageSection>
    </>
  )
}
