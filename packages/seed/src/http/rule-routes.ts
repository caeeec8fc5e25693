import { operations, type Plan } from '@shoal/api'
import { type HttpApp, registerOperation } from '@shoal/service'
import type { ImageRights } from '../access/image-rights.ts'
import type { PrefetchRules } from '../rules/prefetch-rules.ts'
import { pageOf } from './page.ts'

export interface RuleRoutesDeps {
  readonly rules: PrefetchRules
  showPlan(id: string): Plan
  readonly rights: Pick<ImageRights, 'checkRule'>
}

export function addRuleRoutes(app: HttpApp, { rules, showPlan, rights }: RuleRoutesDeps): void {
  registerOperation(app, operations.listPrefetchRules, ({ query }) => {
    const { entries, next } = pageOf(rules.list(), ({ name }) => name, query)
    return { rules: entries, next }
  })
  registerOperation(app, operations.showPrefetchRule, ({ params }) => rules.get(params.rule))
  registerOperation(app, operations.putPrefetchRule, ({ params, body, actor, request }) => {
    rights.checkRule(request)
    return rules.put(params.rule, body, actor)
  })
  registerOperation(app, operations.removePrefetchRule, async ({ params, actor }) => {
    await rules.remove(params.rule, actor)
    return undefined
  })
  registerOperation(app, operations.runPrefetchRule, async ({ params }) => showPlan(await rules.runNow(params.rule)))
}
