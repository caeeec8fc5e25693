import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { ShoalError } from '@shoal/core'
import { loadConfig } from '@shoal/service'
import fc from 'fast-check'
import { Type } from 'typebox'

const schema = Type.Object({
  name: Type.String({ minLength: 1, maxLength: 20, description: 'Name.' }),
  token: Type.String({ minLength: 4, description: 'Token.' }),
  listen: Type.Object({
    host: Type.String({ description: 'Address.' }),
    port: Type.Integer({ minimum: 0, maximum: 65535, description: 'Port.' }),
    maxClients: Type.Integer({ minimum: 1, description: 'Clients.' }),
  }),
  limit: Type.Union([Type.Number({ minimum: 1 }), Type.Null()], { description: 'Limit.' }),
  mode: Type.Enum(['fast', 'safe'], { description: 'Mode.' }),
  trusted: Type.Array(Type.String(), { description: 'Who is trusted.' }),
  verbose: Type.Boolean({ description: 'More.' }),
})

const defaults = {
  name: 'seed',
  listen: { host: '127.0.0.1', port: 7460, maxClients: 10 },
  limit: null,
  mode: 'safe',
  trusted: ['a'],
  verbose: false,
} as const satisfies object

let directory: string
before(async () => {
  directory = await mkdtemp(join(tmpdir(), 'shoal-config-'))
})
after(() => rm(directory, { recursive: true }))

interface Given {
  text?: string
  env?: Record<string, string>
  flags?: Record<string, unknown>
  envAllowed?: string[]
}

let files = 0
async function load({ text, env = {}, flags = {}, envAllowed = [] }: Given) {
  let file: string | undefined
  if (text !== undefined) {
    files += 1
    file = join(directory, `${files}.yaml`)
    await writeFile(file, text)
  }
  const base = { ...defaults, trusted: [...defaults.trusted], token: 'none' }
  return loadConfig(schema, { defaults: base, file, env, envPrefix: 'SHOAL_T', envAllowed, flags, argvName: 'test' })
}

async function faultsOf(given: Given): Promise<string> {
  try {
    await load(given)
  } catch (error) {
    assert.ok(error instanceof ShoalError)
    assert.equal(error.code, 'SHOAL_CONFIG_INVALID')
    return error.message
  }
  return assert.fail('the configuration was taken')
}

test('defaults hold when nothing else is given', async () => {
  const config = await load({})
  assert.equal(config.listen.port, 7460)
  assert.deepEqual(config.trusted, ['a'])
})

test('a flag wins over the environment, that over the file, that over the default', async () => {
  const text = 'listen: { port: 1, host: file, maxClients: 3 }\nname: file'
  const env = { SHOAL_T_LISTEN_PORT: '2', SHOAL_T_LISTEN_HOST: 'env' }
  const config = await load({ text, env, flags: { 'listen.port': '3', name: undefined } })
  assert.deepEqual(config.listen, { port: 3, host: 'env', maxClients: 3 })
  assert.equal(config.name, 'file')
})

test('text from the environment becomes the type of the setting', async () => {
  const env = {
    SHOAL_T_LISTEN_MAX_CLIENTS: '5',
    SHOAL_T_LIMIT: '2.5',
    SHOAL_T_TRUSTED: 'x, y',
    SHOAL_T_VERBOSE: 'true',
    SHOAL_T_MODE: 'fast',
    UNRELATED: 'yes',
  }
  const config = await load({ env })
  assert.equal(config.listen.maxClients, 5)
  assert.equal(config.limit, 2.5)
  assert.deepEqual(config.trusted, ['x', 'y'])
  assert.equal(config.verbose, true)
  assert.equal(config.mode, 'fast')
  assert.equal((await load({ env: { SHOAL_T_LIMIT: 'null' } })).limit, null)
  assert.deepEqual((await load({ env: { SHOAL_T_TRUSTED: '["p,q"]' } })).trusted, ['p,q'])
})

test('JSON is a configuration file too', async () => {
  assert.equal((await load({ text: JSON.stringify({ listen: { port: 9 } }) })).listen.port, 9)
})

test('an empty file and an empty group set nothing', async () => {
  assert.equal((await load({ text: '' })).name, 'seed')
  assert.equal((await load({ text: 'listen:\n' })).listen.port, 7460)
})

test('one error lists every fault of every source', async () => {
  const message = await faultsOf({
    text: 'nmae: x\nlisten: { port: 99999, hots: y }\nmode: slow\nverbose: perhaps',
    env: { SHOAL_T_LISTEN_PROT: '1', SHOAL_T_LIMIT: 'lots' },
    flags: { 'listen.prot': 1 },
  })
  const expected = [
    'nmae is not a known key',
    'listen.hots is not a known key',
    'known here: host, port, maxClients',
    'listen.port must be <= 65535 (from',
    'mode must be one of fast, safe',
    'verbose must be boolean',
    'SHOAL_T_LISTEN_PROT is not a known environment variable',
    'limit must be number or must be null (from SHOAL_T_LIMIT)',
    '--listen.prot is not a known setting',
  ]
  for (const part of expected) assert.ok(message.includes(part), `${part} is missing in: ${message}`)
})

test('a required setting without a value is a fault', () => {
  const options = { defaults: {}, env: {}, envPrefix: 'SHOAL_T', argvName: 'test' }
  assert.throws(() => loadConfig(Type.Object({ seedUrl: Type.String() }), options), {
    code: 'SHOAL_CONFIG_INVALID',
    message: /seedUrl is required/,
  })
})

test('a scalar where a group belongs is a fault, even when the environment sets a key of the group', async () => {
  const message = await faultsOf({ text: 'listen: 80', env: { SHOAL_T_LISTEN_PORT: '81' } })
  assert.match(message, /listen must be a group of keys/)
  assert.match(await faultsOf({ text: '- a\n- b' }), /must be a group of keys/)
})

test('a fault never shows the value, which may be a secret', async () => {
  const message = await faultsOf({ env: { SHOAL_T_TOKEN: 'hm!', SHOAL_T_VERBOSE: 'hunter2' } })
  assert.ok(!message.includes('hm!') && !message.includes('hunter2'), message)
})

test('YAML that does not parse, repeats a key or tries a prototype is a fault', async () => {
  assert.match(await faultsOf({ text: 'listen: {port: 1' }), /1\.|flow|line/i)
  assert.match(await faultsOf({ text: 'name: a\nname: b' }), /unique/i)
  assert.match(await faultsOf({ text: '__proto__: { polluted: true }' }), /__proto__ is not a known key/)
  assert.equal(({} as Record<string, unknown>).polluted, undefined)
})

test('a file that cannot be read is its own error', () => {
  const options = { defaults: {}, file: join(directory, 'absent'), env: {}, envPrefix: 'SHOAL_T', argvName: 'test' }
  assert.throws(() => loadConfig(Type.Object({}), options), { code: 'SHOAL_CONFIG_FILE' })
})

test('the variable of the file and those allowed by name are no faults', async () => {
  const env = { SHOAL_T_CONFIG: '/etc/x', SHOAL_T_URL: 'http://x' }
  assert.equal((await load({ env, envAllowed: ['SHOAL_T_URL'] })).name, 'seed')
})

test('the result is frozen in depth and apart from the defaults', async () => {
  const config = await load({})
  assert.ok(Object.isFrozen(config) && Object.isFrozen(config.listen) && Object.isFrozen(config.trusted))
  assert.ok(!Object.isFrozen(defaults.listen))
})

test('whatever a file holds, loading gives a valid configuration or one coded error', async () => {
  await fc.assert(
    fc.asyncProperty(fc.oneof(fc.json(), fc.string({ maxLength: 200 })), async (text) => {
      try {
        const config = await load({ text })
        assert.equal(typeof config.listen.port, 'number')
      } catch (error) {
        assert.ok(error instanceof ShoalError && error.code === 'SHOAL_CONFIG_INVALID', String(error))
      }
    }),
    { numRuns: 100 },
  )
})
