import type { TSchema } from 'typebox'
import { Errors } from 'typebox/value'
import type { ConfigFault } from './config-source.ts'

/** Checks the merged configuration and says what is wrong with each key, and where its value came from. */
export function validateConfig(schema: TSchema, config: unknown, sourceOf: ReadonlyMap<string, string>): ConfigFault[] {
  const problems = new Map<string, string[]>()
  const add = (path: string, problem: string) => {
    const known = problems.get(path) ?? []
    if (!known.includes(problem)) known.push(problem)
    problems.set(path, known)
  }
  for (const error of Errors(schema, config)) {
    const path = error.instancePath.split('/').slice(1).join('.')
    if (error.keyword === 'required') {
      for (const key of error.params.requiredProperties) add(path === '' ? key : `${path}.${key}`, 'is required')
    } else if (error.keyword === 'enum') {
      add(path, `must be one of ${error.params.allowedValues.map(String).join(', ')}`)
    } else if (error.keyword === 'additionalProperties') {
      for (const key of error.params.additionalProperties)
        add(path === '' ? key : `${path}.${key}`, 'is not a known key')
    } else if (!SILENT.has(error.keyword)) {
      add(path, error.message)
    }
  }
  return [...problems].map(([path, messages]) => {
    const source = sourceOf.get(path)
    return {
      path: path || 'the configuration',
      problem: `${messages.join(' or ')}${source ? ` (from ${source})` : ''}`,
    }
  })
}

/** Keywords that only repeat other faults: `boolean` an unknown key, `anyOf` those of the members of a union. */
const SILENT: ReadonlySet<string> = new Set(['boolean', 'anyOf'])
