import type { ConfigSchema } from './config-field.ts'

/**
 * Reads a setting that was given as text, by a flag or by the environment. Text that does not fit the schema is returned as it
 * is, so that validation reports it together with every other fault.
 */
export function parseConfigText(text: string, schema: ConfigSchema): unknown {
  if (schema.anyOf !== undefined) return parseUnion(text, schema.anyOf)
  switch (schema.type) {
    case 'number':
    case 'integer':
      return text.trim() !== '' && Number.isFinite(Number(text)) ? Number(text) : text
    case 'boolean':
      return { true: true, false: false, '1': true, '0': false }[text.toLowerCase()] ?? text
    case 'null':
      return text === '' || text === 'null' ? null : text
    case 'array':
      return text.trimStart().startsWith('[') ? parseJson(text) : parseList(text, schema.items ?? {})
    case 'object':
      return parseJson(text)
    default:
      return text
  }
}

function parseUnion(text: string, members: readonly ConfigSchema[]): unknown {
  // Null and numbers come first, because a string member would take any text.
  const ordered = [...members].sort((a, b) => Number(a.type === 'string') - Number(b.type === 'string'))
  for (const member of ordered) {
    const value = parseConfigText(text, member)
    if (value !== text || member.type === 'string') return value
  }
  return text
}

function parseList(text: string, items: ConfigSchema): unknown[] {
  if (text.trim() === '') return []
  return text.split(',').map((item) => parseConfigText(item.trim(), items))
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return text
  }
}
