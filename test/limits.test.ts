import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { test } from 'node:test'

const docs = join(import.meta.dirname, '../docs')
const rows = readFileSync(join(docs, 'limits.md'), 'utf8')
  .split('\n')
  .filter((line) => line.startsWith('| ') && line.includes('](../packages/'))

test('every limit that is documented has its number in the code, under its name', () => {
  assert.ok(rows.length > 50)
  for (const row of rows) {
    const [, , value = '', , where = ''] = row.split('|').map((cell) => cell.trim())
    const [, name, path] = /^\[`(\w+)`\]\(([^)]+)\)$/.exec(where) ?? []
    assert.ok(name !== undefined && path !== undefined, row)
    const source = readFileSync(resolve(docs, path), 'utf8')
    const found = [...source.matchAll(new RegExp(`\\b${name}(?:: [\\w<>]+)?\\s*[:=]\\s*([0-9][0-9_ *]*)`, 'g'))]
    const numbers = found.map(([, expression = '']) => evaluate(expression))
    const documented = Number(/^[\d,]+/.exec(value)?.[0].replaceAll(',', ''))
    assert.ok(numbers.includes(documented), `${row}\nbut in the code ${name} is ${numbers.join(' or ') || 'not there'}`)
  }
})

/** A product or power of numbers, as constants are written. */
function evaluate(expression: string): number {
  const factors = expression
    .replaceAll('_', '')
    .trim()
    .split(/\s*(?<!\*)\*(?!\*)\s*/)
  return factors
    .map((factor) => factor.split('**').map(Number))
    .reduce((product, [base = 0, power = 1]) => product * base ** power, 1)
}
