import type { ShoalError } from '@shoal/core'
import type { CheckName, CheckResult } from './verdict.ts'

/** One check: a pure look at facts. */
export interface Check<Facts> {
  readonly name: CheckName
  /** It is skipped unless these have passed. */
  readonly needs: readonly CheckName[]
  /** The fault, or `undefined` when there is none; `skipped` when the facts are not enough. */
  find(facts: Facts): ShoalError | 'skipped' | undefined
}

/** Runs every check whose needs were met, be it by one of `before`, and gives the results of all. */
export function runChecks<Facts>(
  checks: readonly Check<Facts>[],
  facts: Facts,
  before: readonly CheckResult[] = [],
): CheckResult[] {
  const passed = new Set(before.filter(({ outcome }) => outcome === 'passed').map(({ name }) => name))
  return checks.map(({ name, needs, find }) => {
    const found = needs.every((need) => passed.has(need)) ? find(facts) : 'skipped'
    if (found === undefined) passed.add(name)
    return resultOf(name, found)
  })
}

/** The result of a check that has found a fault, or none, or was skipped. */
export function resultOf(name: CheckName, found: ShoalError | 'skipped' | undefined): CheckResult {
  if (found === undefined || found === 'skipped') {
    return { name, outcome: found ?? 'passed', code: null, message: null, hint: null, details: {} }
  }
  const { code, message, hint, details } = found
  return { name, outcome: 'failed', code, message, hint, details }
}
