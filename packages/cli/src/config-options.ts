import { configFields } from '@shoal/service'
import type { Options } from 'yargs'

type ConfigSchema = Parameters<typeof configFields>[0]

/** One option per setting of a service: `--listen.port`. All take text; the service itself parses and checks it. */
export function configOptions(schema: ConfigSchema, defaults: object): Record<string, Options> {
  return Object.fromEntries(
    configFields(schema).map(({ path, schema: field }) => {
      const describe = `${field.description ?? ''}${describeDefault(valueAt(defaults, path))}`.trim()
      return [path.join('.'), { type: 'string', requiresArg: true, describe }]
    }),
  )
}

/** The settings that a command line gave, by dotted key. */
export function configFlags(schema: ConfigSchema, args: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const keys = configFields(schema).map(({ path }) => path.join('.'))
  return Object.fromEntries(keys.filter((key) => args[key] !== undefined).map((key) => [key, args[key]]))
}

function describeDefault(value: unknown): string {
  return value === undefined || value === null || value === '' ? '' : ` (default ${JSON.stringify(value)})`
}

function valueAt(root: object, path: readonly string[]): unknown {
  let value: unknown = root
  for (const key of path) value = (value as Record<string, unknown> | undefined)?.[key]
  return value
}
