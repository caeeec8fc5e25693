import { type ConfigField, type ConfigSchema, environmentName } from './config-field.ts'
import { parseConfigText } from './config-value.ts'

/** A setting that some source gave, and how to name that source to people. */
export interface ConfigSetting {
  readonly path: readonly string[]
  readonly value: unknown
  readonly source: string
}

/** A fault that some source has of itself, before the values are checked. */
export interface ConfigFault {
  readonly path: string
  readonly problem: string
}

export interface ConfigSource {
  readonly settings: ConfigSetting[]
  readonly faults: ConfigFault[]
}

/** Settings of a nested object, such as a parsed file. Keys that the schema does not know are faults. */
export function objectSource(value: unknown, schema: ConfigSchema, source: string): ConfigSource {
  const found: ConfigSource = { settings: [], faults: [] }
  walk(value, schema, [], source, found)
  return found
}

/** Settings of the environment variables that start with the prefix. Others with that prefix are faults. */
export function environmentSource(
  env: NodeJS.ProcessEnv,
  fields: readonly ConfigField[],
  options: { prefix: string; allowed: readonly string[] },
): ConfigSource {
  const byName = new Map(fields.map((field) => [environmentName(options.prefix, field.path), field]))
  const found: ConfigSource = { settings: [], faults: [] }
  for (const [name, text] of Object.entries(env)) {
    if (text === undefined || !name.startsWith(`${options.prefix}_`) || options.allowed.includes(name)) continue
    const field = byName.get(name)
    if (field === undefined) found.faults.push({ path: name, problem: 'is not a known environment variable' })
    else found.settings.push({ path: field.path, value: parseConfigText(text, field.schema), source: name })
  }
  return found
}

/** Settings of flags: dotted keys with text or values. Keys that the schema does not know are faults. */
export function flagSource(flags: Readonly<Record<string, unknown>>, fields: readonly ConfigField[]): ConfigSource {
  const byKey = new Map(fields.map((field) => [field.path.join('.'), field]))
  const found: ConfigSource = { settings: [], faults: [] }
  for (const [key, given] of Object.entries(flags)) {
    if (given === undefined) continue
    const field = byKey.get(key)
    const value = typeof given === 'string' && field ? parseConfigText(given, field.schema) : given
    if (field === undefined) found.faults.push({ path: `--${key}`, problem: 'is not a known setting' })
    else found.settings.push({ path: field.path, value, source: `--${key}` })
  }
  return found
}

function walk(
  value: unknown,
  schema: ConfigSchema,
  path: readonly string[],
  source: string,
  found: ConfigSource,
): void {
  const { properties } = schema
  if (properties === undefined) {
    found.settings.push({ path, value, source })
    return
  }
  // A group without any key under it (`listen:` in YAML) sets nothing.
  if (value === null) return
  if (!isPlainObject(value)) {
    found.faults.push({ path: path.join('.') || source, problem: `must be a group of keys (${source})` })
    return
  }
  for (const [key, child] of Object.entries(value)) {
    const childSchema = Object.hasOwn(properties, key) ? properties[key] : undefined
    if (childSchema !== undefined) walk(child, childSchema, [...path, key], source, found)
    else {
      const known = Object.keys(properties).join(', ')
      found.faults.push({
        path: [...path, key].join('.'),
        problem: `is not a known key (${source}); known here: ${known}`,
      })
    }
  }
}

function isPlainObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
