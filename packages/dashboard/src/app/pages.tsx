import { lazy, Suspense } from 'react'
import { Route, Switch } from 'wouter'
import { OverviewPage } from '../overview/overview-page.tsx'

// The overview is there at once; the others come when they are asked for.
const ImagesPage = lazy(async () => ({ default: (await import('../images/images-page.tsx')).ImagesPage }))
const LayerPage = lazy(async () => ({ default: (await import('../images/layer-page.tsx')).LayerPage }))
const NodesPage = lazy(async () => ({ default: (await import('../nodes/nodes-page.tsx')).NodesPage }))
const NodePage = lazy(async () => ({ default: (await import('../nodes/node-page.tsx')).NodePage }))
const PrefetchPage = lazy(async () => ({ default: (await import('../prefetch/prefetch-page.tsx')).PrefetchPage }))
const NewPlanPage = lazy(async () => ({ default: (await import('../prefetch/new-plan-page.tsx')).NewPlanPage }))
const PlanPage = lazy(async () => ({ default: (await import('../prefetch/plan-page.tsx')).PlanPage }))
const BootsPage = lazy(async () => ({ default: (await import('../boots/boots-page.tsx')).BootsPage }))
const BootPage = lazy(async () => ({ default: (await import('../boots/boot-page.tsx')).BootPage }))
const EventsPage = lazy(async () => ({ default: (await import('../events/events-page.tsx')).EventsPage }))
const LimitsPage = lazy(async () => ({ default: (await import('../limits/limits-page.tsx')).LimitsPage }))

export function Pages() {
  return (
    <Suspense fallback={null}>
      <Switch>
        <Route path="/" component={OverviewPage} />
        <Route path="/images" component={ImagesPage} />
        <Route path="/layers/:layer">{({ layer }) => <LayerPage digest={decodeURIComponent(layer)} />}</Route>
        <Route path="/nodes" component={NodesPage} />
        <Route path="/nodes/:node">{({ node }) => <NodePage id={decodeURIComponent(node)} />}</Route>
        <Route path="/prefetch" component={PrefetchPage} />
        <Route path="/prefetch/new" component={NewPlanPage} />
        <Route path="/prefetch/:plan">{({ plan }) => <PlanPage id={decodeURIComponent(plan)} />}</Route>
        <Route path="/boots" component={BootsPage} />
        <Route path="/boots/:node/:boot">
          {({ node, boot }) => <BootPage node={decodeURIComponent(node)} name={decodeURIComponent(boot)} />}
        </Route>
        <Route path="/events" component={EventsPage} />
        <Route path="/limits" component={LimitsPage} />
        <Route>There is no such page.</Route>
      </Switch>
    </Suspense>
  )
}
