import type { TSchema } from 'typebox'

/** One setting: a leaf of a configuration schema. */
export interface ConfigField {
  /** Keys from the root, for example `['listen', 'port']`. */
  readonly path: readonly string[]
  readonly schema: ConfigSchema
}

/** The JSON Schema keywords that the configuration loader looks at. */
export interface ConfigSchema {
  readonly type?: string
  readonly description?: string
  readonly properties?: Readonly<Record<string, ConfigSchema>>
  readonly items?: ConfigSchema
  readonly anyOf?: readonly ConfigSchema[]
  readonly enum?: readonly unknown[]
  readonly const?: unknown
  /** Ours: the value is never printed. */
  readonly secret?: boolean
}

/** A typebox schema seen as the JSON Schema it is. */
export const asConfigSchema = (schema: TSchema): ConfigSchema => schema as ConfigSchema

/** Every setting of a schema, in the schema's order. An object with named properties is a group, all else a setting. */
export function configFields(schema: TSchema): ConfigField[] {
  return fieldsBelow(asConfigSchema(schema), [])
}

/** The environment variable of a setting: `SHOAL_SEED` and `listen.maxClients` make `SHOAL_SEED_LISTEN_MAX_CLIENTS`. */
export function environmentName(prefix: string, path: readonly string[]): string {
  const words = path.map((key) => key.replace(/([a-z0-9])([A-Z])/g, '$1_$2').toUpperCase())
  return [prefix, ...words].join('_')
}

function fieldsBelow(schema: ConfigSchema, path: readonly string[]): ConfigField[] {
  if (schema.properties === undefined) return [{ path, schema }]
  return Object.entries(schema.properties).flatMap(([key, child]) => fieldsBelow(child, [...path, key]))
}
