import type { TSchema } from 'typebox'
import { stringify } from 'yaml'
import { asConfigSchema, type ConfigSchema } from './config-field.ts'

const REDACTED = '<redacted>'

/** A copy of a configuration in which what the schema marks `secret: true` is hidden: fit for logs. */
export function redactConfig(config: unknown, schema: TSchema): unknown {
  return redact(config, asConfigSchema(schema))
}

/** A configuration as YAML, with secrets hidden. */
export function printConfig(config: unknown, schema: TSchema): string {
  return stringify(redactConfig(config, schema))
}

function redact(value: unknown, schema: ConfigSchema): unknown {
  if (value === null || value === undefined) return value
  if (isSecret(schema)) return REDACTED
  if (Array.isArray(value)) return value.map((item) => redact(item, schema.items ?? {}))
  if (typeof value !== 'object') return value
  return Object.fromEntries(
    Object.entries(value).map(([key, child]) => [key, redact(child, schema.properties?.[key] ?? {})]),
  )
}

function isSecret(schema: ConfigSchema): boolean {
  return schema.secret === true || (schema.anyOf?.some(isSecret) ?? false)
}
