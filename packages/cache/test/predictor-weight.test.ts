import assert from 'node:assert/strict'
import { test } from 'node:test'
import { PredictorWeight } from '../src/predictor-weight.ts'

function trustAfter(uses: number, likelihood: number, ofOther: number, weight = new PredictorWeight()): number {
  for (let use = 0; use < uses; use += 1) weight.see(likelihood, ofOther)
  return weight.value
}

test('whoever held more likely what happened is trusted more', () => {
  assert.equal(new PredictorWeight().value, 0.5)
  assert.ok(trustAfter(1, 0.2, 0.1) > 0.5)
  assert.ok(trustAfter(1, 0.1, 0.2) < 0.5)
  assert.equal(trustAfter(100, 0.1, 0.1), 0.5)
})

test('nobody is trusted wholly, so that trust can come back', () => {
  const weight = new PredictorWeight()
  assert.ok(trustAfter(10_000, 1, 0, weight) < 1)
  assert.ok(trustAfter(500, 0.001, 0.1, weight) < 0.1)
  assert.ok(weight.value > 0)
})

test('two that are right in turn are trusted alike', () => {
  const weight = new PredictorWeight()
  for (let use = 0; use < 1000; use += 1) weight.see(use % 2 === 0 ? 0.3 : 0.1, use % 2 === 0 ? 0.1 : 0.3)
  assert.ok(Math.abs(weight.value - 0.5) < 0.05, String(weight.value))
})
