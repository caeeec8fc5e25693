import assert from 'node:assert/strict'
import { test } from 'node:test'
import { configReference, printConfig, redactConfig } from '@shoal/service'
import { Type } from 'typebox'

const schema = Type.Object({
  tokens: Type.Object({
    operator: Type.String({ secret: true, description: 'Token of operators.' }),
    node: Type.Union([Type.String({ secret: true }), Type.Null()], { description: 'Token of nodes | peers.' }),
  }),
  listenPort: Type.Integer({ description: 'Port.' }),
  keys: Type.Array(Type.String({ secret: true }), { description: 'Keys.' }),
})
const config = { tokens: { operator: 'hunter2', node: 'hunter3' }, listenPort: 1, keys: ['hunter4'] }

test('secrets are hidden when a configuration is printed, all else is shown', () => {
  const text = printConfig(config, schema)
  assert.ok(!text.includes('hunter'), text)
  assert.match(text, /listenPort: 1/)
  assert.deepEqual(redactConfig({ tokens: { operator: 'x', node: null } }, schema), {
    tokens: { operator: '<redacted>', node: null },
  })
})

test('the reference has a row for each setting', () => {
  const reference = configReference(schema, { listenPort: 7460, tokens: { node: null } }, { envPrefix: 'SHOAL_SEED' })
  assert.equal(
    reference,
    [
      '| key | meaning | type | default | environment variable |',
      '| --- | --- | --- | --- | --- |',
      '| `tokens.operator` | Token of operators. | string (secret) |  | `SHOAL_SEED_TOKENS_OPERATOR` |',
      '| `tokens.node` | Token of nodes \\| peers. | string (secret) or null | `null` | `SHOAL_SEED_TOKENS_NODE` |',
      '| `listenPort` | Port. | integer | `7460` | `SHOAL_SEED_LISTEN_PORT` |',
      '| `keys` | Keys. | list of string (secret) |  | `SHOAL_SEED_KEYS` |',
      '',
    ].join('\n'),
  )
})
