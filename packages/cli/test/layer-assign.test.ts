import assert from 'node:assert/strict'
import { it } from 'node:test'
import type { AssignRequest } from '@shoal/api'
import { EXIT } from '../src/exit-code.ts'
import { buildLayer, buildNode, digestOf } from './builders.ts'
import { runCli } from './run-cli.ts'
import { startStandInSeed, TOKEN } from './stand-in-seed.ts'

const layer = digestOf('aaaaaaaa')
const HOUR_MS = 3_600_000

it('a layer is pinned until a time, or for a while from now, and not at all unless that is said', async (t) => {
  const requests: AssignRequest[] = []
  const onAssign = (request: AssignRequest) => requests.push(request)
  const seed = await startStandInSeed({ layers: [buildLayer()], nodes: [buildNode('n1')], onAssign })
  t.after(() => seed[Symbol.asyncDispose]())
  const assign = (...argv: string[]) =>
    runCli(['layer', 'assign', layer, '--node', 'n1', ...argv, '--seed', seed.url, '--token', TOKEN])

  const timed = await assign('--pin-until', '2999-01-31T18:00+02:00', '--priority', '70')
  assert.equal(timed.code, EXIT.ok)
  assert.match(timed.stdout, /assigned to 1 node, pinned until 2999-01-31T16:00:00\.000Z\n/)
  assert.deepEqual(requests.splice(0), [
    { layer, nodes: ['n1'], priority: 70, pinnedUntil: '2999-01-31T16:00:00.000Z' },
  ])

  const before = Date.now()
  assert.equal((await assign('--pin-until', '2h')).code, EXIT.ok)
  const until = Date.parse(requests.splice(0)[0]?.pinnedUntil ?? '')
  assert.ok(until >= before + 2 * HOUR_MS && until <= Date.now() + 2 * HOUR_MS)

  assert.match((await assign()).stdout, /assigned to 1 node\n/)
  assert.deepEqual(requests.splice(0), [{ layer, nodes: ['n1'] }])

  for (const text of ['yesterday', '2020-01-01T00:00Z', '0h']) {
    const refused = await assign('--pin-until', text)
    assert.equal(refused.code, EXIT.usage, text)
    assert.match(refused.stderr, /shoal layer assign/)
  }
  assert.deepEqual(requests, [])
})
