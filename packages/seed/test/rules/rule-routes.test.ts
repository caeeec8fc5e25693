import assert from 'node:assert/strict'
import { it } from 'node:test'
import { createClient, type Plan, type PrefetchRuleRequest } from '@shoal/api'
import { silentLogger } from '@shoal/core'
import { createHealth, createHttpService, createMetrics } from '@shoal/service'
import { undoAfter } from '../../../../test/harness/undo.ts'
import { addRuleRoutes } from '../../src/http/rule-routes.ts'
import { statusByCode } from '../../src/http/status-by-code.ts'
import { buildImage, buildRule, startRules } from './rules-fixture.ts'

const tokens = { operator: 'operator-0123456789abcdef', node: 'node-0123456789abcdef' }

async function serve(t: Parameters<typeof undoAfter>[0]) {
  const fixture = await startRules('2026-01-05T12:00:00Z')
  const service = await createHttpService(
    { logger: silentLogger, metrics: createMetrics({ process: false }), health: createHealth() },
    {
      ...{ name: 'rules', version: '0', host: '127.0.0.1', port: 0, tokens, statusByCode },
      openapi: { title: 'rules', description: '' },
    },
  )
  const showPlan = (id: string) => buildPlan(id, fixture.plans.made.find((plan) => plan.id === id)?.request.name ?? '')
  addRuleRoutes(service.app, { rights: { checkRule: () => {} }, rules: fixture.rules, showPlan })
  const baseUrl = await service.start()
  undoAfter(t).after(() => service.stop())
  const status = async (method: string, path: string, body?: unknown) => {
    const headers = { authorization: `Bearer ${tokens.operator}`, 'content-type': 'application/json' }
    const init = body === undefined ? {} : { body: JSON.stringify(body) }
    const response = await fetch(`${baseUrl}${path}`, {
      method,
      headers: body === undefined ? { authorization: headers.authorization } : headers,
      ...init,
    })
    const text = await response.text()
    return [response.status, text === '' ? undefined : (JSON.parse(text) as { error?: { code: string } }).error?.code]
  }
  const client = createClient({ baseUrl, token: tokens.operator })
  return { ...fixture, rules: fixture.rules, client, status, baseUrl }
}

it('rules are made, shown, listed by page, replaced, run and removed', async (t) => {
  const { client, catalogue } = await serve(t)
  catalogue.putImage(buildImage('v1'))
  const body = buildRule({ timeZone: 'Europe/Berlin' })
  const past = { waiting: [], lastAt: null, lastPlan: null, lastError: null, plans: 0 }
  const made = await client.putPrefetchRule({ params: { rule: 'nightly' }, body })
  assert.deepEqual(made, { name: 'nightly', ...body, ...past, nextAt: '2026-01-06T01:00:00.000Z' })
  assert.deepEqual(await client.showPrefetchRule({ params: { rule: 'nightly' } }), made)
  for (const rule of ['a', 'b', 'Z']) await client.putPrefetchRule({ params: { rule }, body })
  const first = await client.listPrefetchRules({ query: { limit: 3 } })
  assert.deepEqual([first.rules.map(({ name }) => name), first.next], [['Z', 'a', 'b'], 'b'])
  const second = await client.listPrefetchRules({ query: { limit: 3, after: 'b' } })
  assert.deepEqual([second.rules.map(({ name }) => name), second.next], [['nightly'], null])

  const changed = await client.putPrefetchRule({ params: { rule: 'nightly' }, body: { ...body, enabled: false } })
  assert.deepEqual([changed.enabled, changed.nextAt], [false, null])
  const plan = await client.runPrefetchRule({ params: { rule: 'nightly' } })
  assert.deepEqual([plan.id, plan.name], ['plan-1', 'nightly: v1'])
  assert.equal((await client.showPrefetchRule({ params: { rule: 'nightly' } })).lastPlan, 'plan-1')
  await client.removePrefetchRule({ params: { rule: 'nightly' } })
  await assert.rejects(client.showPrefetchRule({ params: { rule: 'nightly' } }), { code: 'SHOAL_RULE_UNKNOWN' })
})

it('what is wrong is answered with a status of its own', async (t) => {
  const { status } = await serve(t)
  const path = '/v1/prefetch-rules/nightly'
  for (const [method, suffix] of [
    ['GET', ''],
    ['DELETE', ''],
    ['POST', '/run'],
  ] as const) {
    assert.deepEqual(await status(method, path + suffix), [404, 'SHOAL_RULE_UNKNOWN'])
  }
  const put = (change: Partial<PrefetchRuleRequest>) => status('PUT', path, buildRule(change))
  assert.deepEqual(await put({ cron: 'nightly' }), [400, 'SHOAL_RULE_CRON'])
  assert.deepEqual(await put({ timeZone: 'Nowhere' }), [400, 'SHOAL_RULE_TIME_ZONE'])
  assert.deepEqual(await put({ images: {} }), [400, 'SHOAL_RULE_IMAGES'])
  assert.deepEqual(await put({ on: 'full-moon' as 'schedule' }), [400, 'SHOAL_HTTP_INVALID'])
  assert.deepEqual(await put({ priority: 101 }), [400, 'SHOAL_HTTP_INVALID'])
  assert.deepEqual(await status('PUT', path, { ...buildRule(), every: 'night' }), [400, 'SHOAL_HTTP_INVALID'])
  assert.deepEqual(await status('PUT', `${path}%20x`, buildRule()), [400, 'SHOAL_HTTP_INVALID'])
  assert.deepEqual(await put({}), [200, undefined])
  assert.deepEqual(await status('POST', `${path}/run`), [409, 'SHOAL_RULE_NO_IMAGE'])
})

it('the thousand and first rule is answered with a conflict', async (t) => {
  const { rules, status } = await serve(t)
  for (let rule = 0; rule < 1000; rule += 1) await rules.put(`rule-${rule}`, buildRule())
  assert.deepEqual(await status('PUT', '/v1/prefetch-rules/one-more', buildRule()), [409, 'SHOAL_RULE_LIMIT'])
})

it('nodes have nothing to do with rules', async (t) => {
  const { baseUrl } = await serve(t)
  const node = createClient({ baseUrl, token: tokens.node })
  await assert.rejects(node.listPrefetchRules(), { code: 'SHOAL_HTTP_FORBIDDEN' })
  const request = { params: { rule: 'nightly' }, body: buildRule() }
  await assert.rejects(node.putPrefetchRule(request), { code: 'SHOAL_HTTP_FORBIDDEN' })
})

function buildPlan(id: string, name: string): Plan {
  const at = '2026-01-05T12:00:00.000Z'
  const bytes = { libraryToSeed: 0, seedToNode: 0, inRack: 0, crossRack: 0 }
  const nodes = { total: 0, waiting: 0, fetching: 0, ready: 0, failed: 0, excluded: 0 }
  const limits = { bytesPerSecond: null, nodeBytesPerSecond: null }
  const amounts = { wantedBytes: 0, presentBytes: 0, bytesPerSecond: 0 }
  return {
    ...{
      id,
      name,
      kind: 'prefetch',
      state: 'running',
      error: null,
      source: 'rule:nightly',
      priority: 50,
      weight: 10,
      limits,
    },
    ...{ createdAt: at, startedAt: null, finishedAt: null, notBefore: null, deadline: null },
    ...{ expiresAt: at, pinnedUntil: at, images: [], waves: [], placements: [], evictions: [], unmet: [] },
    prediction: { finishAt: null, seconds: null, fluidBoundSeconds: 0, limitedBy: 'nothing', bytes },
    progress: { nodes, ...amounts, estimatedFinishAt: null, slowest: [], waves: [] },
    simulation: null,
  }
}
