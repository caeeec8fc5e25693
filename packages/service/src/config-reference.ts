import type { TObject } from 'typebox'
import { type ConfigSchema, configFields, environmentName } from './config-field.ts'

/** The settings of a schema as a Markdown table: key, meaning, type, default and environment variable. */
export function configReference(schema: TObject, defaults: object, options: { envPrefix?: string } = {}): string {
  const { envPrefix } = options
  const rows = configFields(schema).map((field) => {
    const cells = [
      `\`${field.path.join('.')}\``,
      field.schema.description ?? '',
      typeText(field.schema),
      defaultText(field.path, defaults),
      ...(envPrefix === undefined ? [] : [`\`${environmentName(envPrefix, field.path)}\``]),
    ]
    return row(cells)
  })
  const header = ['key', 'meaning', 'type', 'default', ...(envPrefix === undefined ? [] : ['environment variable'])]
  return `${[row(header), row(header.map(() => '---')), ...rows].join('\n')}\n`
}

function row(cells: readonly string[]): string {
  return `| ${cells.map((cell) => cell.replaceAll('|', '\\|').replaceAll('\n', ' ')).join(' | ')} |`
}

function typeText(schema: ConfigSchema): string {
  if (schema.anyOf !== undefined) return schema.anyOf.map(typeText).join(' or ')
  if (schema.enum !== undefined) return schema.enum.map((value) => `\`${String(value)}\``).join(', ')
  if (schema.const !== undefined) return `\`${String(schema.const)}\``
  if (schema.type === 'array') return `list of ${typeText(schema.items ?? {})}`
  return `${schema.type ?? 'any'}${schema.secret === true ? ' (secret)' : ''}`
}

function defaultText(path: readonly string[], defaults: object): string {
  let value: unknown = defaults
  for (const key of path) value = (value as Record<string, unknown> | undefined)?.[key]
  if (value === undefined) return ''
  return `\`${JSON.stringify(value)}\``
}
