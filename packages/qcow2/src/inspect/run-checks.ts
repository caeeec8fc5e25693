import type { ShoalError } from '@shoal/core'
import type { CheckName, CheckResult } from './verdict.ts'

/** What a check found: a fault, nothing, or that the facts are not enough to tell. */
export type Finding = ShoalError | undefined | 'skipped'

/** One check: a pure look at facts. */
export interface Check<Facts> {
  /** It is skipped unless these have passed. */
  readonly needs: readonly CheckName[]
  find(facts: Facts): Finding
}

/** Runs checks in the order of their names, each if its needs have passed before it. */
export function runChecks<Facts, Name extends CheckName>(
  names: readonly Name[],
  checks: Readonly<Record<Name, Check<Facts>>>,
  facts: Facts,
): CheckResult[] {
  const passed = new Set<CheckName>()
  return names.map((name) => {
    const { needs, find } = checks[name]
    const found = needs.every((need) => passed.has(need)) ? find(facts) : 'skipped'
    if (found === undefined) passed.add(name)
    return resultOf(name, found)
  })
}

export function resultOf(name: CheckName, found: Finding): CheckResult {
  if (found === undefined || found === 'skipped') {
    return { name, outcome: found ?? 'passed', code: null, message: null, hint: null, details: {} }
  }
  const { code, message, hint, details } = found
  return { name, outcome: 'failed', code, message, hint, details }
}
