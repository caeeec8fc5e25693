import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Overview } from '@shoal/api'
import { describeOverview } from '../../src/overview/describe-overview.ts'
import { buildOverview } from '../top/build-fleet.ts'

/** Numbers that nobody acts on: a terminal leaves them to --json. */
const LEFT_OUT = ['seed.connections', 'swarm.upBytesPerSecond']

type Part = Record<string, unknown>

test('a terminal tells every number of the overview that the dashboard shows', () => {
  const overview = buildOverview()
  const text = (one: Overview) => JSON.stringify(describeOverview(one))
  const untold: string[] = []
  let numbers = 0
  for (const [part, facts] of Object.entries(overview)) {
    if (typeof facts !== 'object' || part === 'health') continue
    for (const [name, value] of Object.entries(facts as Part)) {
      if (typeof value !== 'number') continue
      numbers += 1
      const other = { ...overview, [part]: { ...(facts as Part), [name]: value * 2 + 1 } } as Overview
      if (text(other) === text(overview)) untold.push(`${part}.${name}`)
    }
  }
  assert.ok(numbers > 20)
  assert.deepEqual(untold, LEFT_OUT)
})
