import type { Client, PlanSummary } from '@shoal/api'
import { errorCode } from '@shoal/core'
import { cliError } from '../errors.ts'
import { readAll } from '../page-reader.ts'

const PLAN_ID = /^[a-z0-9][a-z0-9-]{0,62}$/
const NAMED_AT_MOST = 5

/**
 * The plan of an id, of a name, or of the beginning of an id, whichever fits first; `latest` is the one that somebody asked for last. A
 * name or beginning must fit one plan only. Throws `SHOAL_CLI_PLAN_UNKNOWN` or `SHOAL_CLI_PLAN_AMBIGUOUS`.
 */
export async function resolvePlan(
  client: Client,
  text: string,
  options: { signal: AbortSignal },
): Promise<PlanSummary> {
  const { signal } = options
  if (text === 'latest') {
    const { plans } = await client.listPrefetches({ query: { limit: 1, kind: 'prefetch' }, signal })
    return only(plans, text)
  }
  if (PLAN_ID.test(text)) {
    try {
      // Not to wait is the least that the API can be asked about one plan.
      return (await client.waitPrefetch({ params: { plan: text }, query: { timeoutSeconds: 0 }, signal })).plan
    } catch (error) {
      if (errorCode(error) !== 'SHOAL_PLAN_UNKNOWN') throw error
    }
  }
  const plans = await readAll(
    (query) => client.listPrefetches({ query, signal }),
    (page) => page.plans,
  )
  const named = plans.filter(({ name }) => name === text)
  return only(named.length > 0 ? named : plans.filter(({ id }) => id?.startsWith(text)), text)
}

/** The id of a plan as {@link resolvePlan} finds it. */
export async function resolvePlanId(client: Client, text: string, options: { signal: AbortSignal }): Promise<string> {
  return idOf(await resolvePlan(client, text, options))
}

/** The id of a plan that is kept: only that of a dry run has none. */
export function idOf({ id }: { readonly id: string | null }): string {
  if (id === null) throw new TypeError('a dry run was taken for a plan that is kept')
  return id
}

function only(plans: readonly PlanSummary[], text: string): PlanSummary {
  const [plan] = plans
  if (plan === undefined) throw cliError('SHOAL_CLI_PLAN_UNKNOWN', { plan: text })
  if (plans.length === 1) return plan
  const ids = plans.slice(0, NAMED_AT_MOST).map(idOf)
  if (plans.length > NAMED_AT_MOST) ids.push('...')
  throw cliError('SHOAL_CLI_PLAN_AMBIGUOUS', { plan: text, count: plans.length, ids: ids.join(', ') })
}
