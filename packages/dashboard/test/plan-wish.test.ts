import assert from 'node:assert/strict'
import { test } from 'node:test'
import { PrefetchRequest } from '@shoal/api'
import { Compile } from 'typebox/compile'
import { EMPTY_WISH, type PlanWish, toRequest, wishFault } from '../src/prefetch/plan-wish.ts'

const NOW = Date.parse('2026-11-22T08:00:00Z')
const wish = (changes: Partial<PlanWish> = {}): PlanWish => ({ ...EMPTY_WISH, images: ['i1'], ...changes })

test('what is asked for fits the API, whatever target is chosen', () => {
  const check = Compile(PrefetchRequest)
  const cases: [Partial<PlanWish>, object][] = [
    [{}, { all: true }],
    [
      { target: 'vms', vms: '50', vmsPerNode: '2' },
      { vms: 50, vmsPerNode: 2 },
    ],
    [{ target: 'nodes', nodes: 'n1, n2\nn1' }, { nodes: ['n1', 'n2'] }],
    [{ target: 'place', rack: ' r1 ', zone: '' }, { rack: 'r1' }],
    [{ form: 'file' }, { form: 'file', all: true }],
  ]
  for (const [changes, target] of cases) {
    const request = toRequest(wish(changes), NOW)
    assert.ok(check.Check(request), JSON.stringify(request))
    assert.deepEqual(request.images, [{ image: 'i1', ...target }])
    assert.equal(wishFault(wish(changes)), undefined)
  }
})

test('a deadline is so many minutes from now, a limit MiB a second', () => {
  const { deadline, limits, name } = toRequest(wish({ deadlineMinutes: '15', limitMib: '2.5', name: ' Monday ' }), NOW)
  assert.equal(deadline, '2026-11-22T08:15:00.000Z')
  assert.deepEqual(limits, { bytesPerSecond: 2.5 * 1024 ** 2 })
  assert.equal(name, 'Monday')
})

test('what cannot be asked for is said in words', () => {
  const faults: Partial<PlanWish>[] = [
    { images: [] },
    { target: 'place' },
    { target: 'vms', vms: 'many' },
    { target: 'vms', vmsPerNode: '0' },
    { target: 'nodes', nodes: ' , ' },
    { deadlineMinutes: '-1' },
    { limitMib: 'x' },
    { priority: '101' },
  ]
  for (const changes of faults) assert.match(wishFault(wish(changes)) ?? '', /\.$/, JSON.stringify(changes))
})
