import { Breadcrumb, BreadcrumbItem, Button, PageSection } from '@patternfly/react-core'
import type { Plan } from '@shoal/api'
import { useState } from 'react'
import { Link, useLocation } from 'wouter'
import { call } from '../api/call.ts'
import { useCanAct } from '../app/session-context.ts'
import { useNow } from '../fleet/use-now.ts'
import { ConfirmButton } from '../parts/confirm-button.tsx'
import { PageHead } from '../parts/page-head.tsx'
import { Panel } from '../parts/panel.tsx'
import { Problem } from '../parts/problem.tsx'
import { PlanForecast } from './plan-forecast.tsx'
import { PlanForm } from './plan-form.tsx'
import { EMPTY_WISH, type PlanWish, toRequest, wishFault } from './plan-wish.ts'

/** Makes a plan: first what would come of it, then for real. */
export function NewPlanPage() {
  const [wish, setWish] = useState<PlanWish>(EMPTY_WISH)
  const [forecast, setForecast] = useState<{ plan: Plan; of: PlanWish } | undefined>(undefined)
  const [problem, setProblem] = useState<unknown>(undefined)
  const [isBusy, setIsBusy] = useState(false)
  const [, go] = useLocation()
  const canAct = useCanAct()
  const now = useNow()
  const fault = wishFault(wish)
  const isForeseen = forecast?.of === wish
  const tryOut = async () => {
    setIsBusy(true)
    setProblem(undefined)
    try {
      const plan = await call('createPrefetch', { body: { ...toRequest(wish, now), dryRun: true, simulate: {} } })
      setForecast({ plan, of: wish })
    } catch (error) {
      setProblem(error)
    }
    setIsBusy(false)
  }
  const start = async () => {
    const { id } = await call('createPrefetch', { body: toRequest(wish, now) })
    go(`/prefetch/${id}`)
  }
  const above = (
    <Breadcrumb>
      <BreadcrumbItem render={() => <Link href="/prefetch">Prefetch</Link>} />
      <BreadcrumbItem isActive>New</BreadcrumbItem>
    </Breadcrumb>
  )
  return (
    <>
      <PageHead title="New prefetch" above={above} />
      <PageSection className="shoal-stack">
        <Panel title="What, where, by when">
          <PlanForm wish={wish} onChange={setWish} />
        </Panel>
        {fault === undefined ? null : <p role="status">{fault}</p>}
        {problem === undefined ? null : <Problem error={problem} />}
        <div className="shoal-actions">
          <Button
            variant="secondary"
            isDisabled={fault !== undefined || isBusy || !canAct}
            isLoading={isBusy}
            onClick={() => void tryOut()}
          >
            Dry run
          </Button>
          <ConfirmButton
            action="Start"
            variant="primary"
            title="Start this prefetch?"
            isDisabled={!isForeseen || isBusy}
            onConfirm={start}
          >
            Nodes begin to fetch at once, within the limits. You can pause or cancel it at any time.
          </ConfirmButton>
          {isForeseen || forecast === undefined ? null : (
            <span role="status">The form has changed: do another dry run before you start.</span>
          )}
          {canAct ? null : <span role="status">Readers may look and change nothing.</span>}
        </div>
        {forecast === undefined ? null : (
          <Panel title="What would come of it">
            <PlanForecast plan={forecast.plan} />
          </Panel>
        )}
      </PageSection>
    </>
  )
}
