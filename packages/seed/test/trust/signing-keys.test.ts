import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { generateKeyPairSync, sign, verify } from 'node:crypto'
import { once } from 'node:events'
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, test } from 'node:test'
import { decodeKeyStatement, decodePublicKey, ManualClock } from '@shoal/core'
import { replaceSigningKeyFile } from '../../src/trust/signing-key-file.ts'
import { SigningKeys } from '../../src/trust/signing-keys.ts'

const HOUR_MS = 3_600_000
const NOW = 1_700_000_000_000

describe('the signing keys of a seed', () => {
  let directory = ''
  let path = ''
  let clock: ManualClock
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'shoal-keys-'))
    path = join(directory, 'signing.key')
    clock = new ManualClock(NOW)
  })
  afterEach(() => rm(directory, { recursive: true, force: true }))
  const open = () => SigningKeys.open(path, { clock })
  const states = (keys: SigningKeys) => keys.list().keys.map(({ serial, state }) => `${serial} ${state}`)

  test('are one at first, in a file that nobody else reads', async () => {
    const keys = await open()
    assert.deepEqual(states(keys), ['0 current'])
    assert.equal((await stat(path)).mode & 0o777, 0o600)
    assert.equal((await open()).publicKey, keys.publicKey)
  })

  test('a rotation is signed by the old key, whose private half is gone, and holds after a restart', async () => {
    const keys = await open()
    const first = keys.publicKey
    const before = await readFile(path, 'utf8')
    await keys.rotate({ overlapMs: HOUR_MS })
    assert.notEqual(keys.publicKey, first)
    const [statement = new Uint8Array()] = keys.statements
    const { signer, publicKey, serial, until } = decodeKeyStatement(statement)
    assert.deepEqual([signer, publicKey, serial, until], [first, keys.publicKey, 1, NOW + HOUR_MS])
    assert.deepEqual(keys.trusted, [keys.publicKey, first])
    const signature = sign(null, Buffer.from('x'), keys.privateKey)
    assert.ok(verify(null, Buffer.from('x'), decodePublicKey(keys.publicKey), signature))
    const [, secret = 'none'] = before.split('\n')
    assert.ok(!(await readFile(path, 'utf8')).includes(secret))
    assert.deepEqual(await readdir(directory), ['signing.key'])
    const again = await open()
    assert.deepEqual(again.list(), keys.list())
  })

  test('the time of an old key ends by the clock, which is then said once', async () => {
    const keys = await open()
    await keys.rotate({ overlapMs: HOUR_MS })
    assert.equal(await keys.retireOld(), false)
    clock.advance(HOUR_MS)
    assert.deepEqual(states(keys), ['1 current', '0 retired'])
    assert.equal(await keys.retireOld(), true)
    assert.equal(await keys.retireOld(), false)
    const last = decodeKeyStatement(keys.statements.at(-1) ?? new Uint8Array())
    assert.deepEqual([last.kind, last.serial, last.signer], ['retirement', 0, keys.publicKey])
  })

  test('one that is retired takes those before it along; the current one cannot be', async () => {
    const keys = await open()
    for (let each = 0; each < 3; each += 1) await keys.rotate({ overlapMs: HOUR_MS })
    const [current, , second] = keys.list().keys
    await keys.retire(second?.id ?? '')
    assert.deepEqual(states(keys), ['3 current', '2 trusted', '1 retired', '0 retired'])
    await keys.retire(second?.id ?? '')
    assert.equal(keys.statements.length, 4)
    await assert.rejects(keys.retire(current?.id ?? ''), { code: 'SHOAL_KEY_CURRENT' })
    await assert.rejects(keys.retire('0'.repeat(16)), { code: 'SHOAL_KEY_UNKNOWN' })
    assert.deepEqual(states(await open()), states(keys))
  })

  test('are eight at most that are trusted; rotations at once follow one another', async () => {
    const keys = await open()
    await Promise.all(Array.from({ length: 7 }, () => keys.rotate({ overlapMs: HOUR_MS })))
    assert.equal(keys.trusted.length, 8)
    await assert.rejects(keys.rotate({ overlapMs: HOUR_MS }), { code: 'SHOAL_KEY_LIMIT' })
    clock.advance(HOUR_MS)
    await keys.rotate({ overlapMs: HOUR_MS })
    assert.equal(keys.list().keys[0]?.serial, 8)
  })

  test('a statement is never made earlier than the one before, whatever the clock says', async () => {
    const keys = await open()
    await keys.rotate({ overlapMs: HOUR_MS })
    clock.set(NOW - 10 * HOUR_MS)
    await keys.rotate({ overlapMs: HOUR_MS })
    assert.equal(decodeKeyStatement(keys.statements.at(-1) ?? new Uint8Array()).madeAt, NOW)
  })

  test('a file whose statements do not lead to its key, or were changed, is refused', async () => {
    const keys = await open()
    await keys.rotate({ overlapMs: HOUR_MS })
    const { privateKey } = generateKeyPairSync('ed25519')
    await replaceSigningKeyFile(path, { privateKey, statements: keys.statements })
    await assert.rejects(open(), { code: 'SHOAL_SEED_KEY' })
    const changed = Buffer.from(keys.statements[0] ?? [])
    changed[41] = (changed[41] ?? 0) ^ 1
    await replaceSigningKeyFile(path, { privateKey: keys.privateKey, statements: [changed] })
    await assert.rejects(open(), { code: 'SHOAL_SEED_KEY' })
    await writeFile(path, 'no key')
    await assert.rejects(open(), { code: 'SHOAL_SEED_KEY' })
  })

  test('kill -9 while they are rotated leaves one key and all that leads to it', async () => {
    const child = spawn(process.execPath, [join(import.meta.dirname, 'rotate-until-killed.ts'), path])
    let told = 0
    for await (const chunk of child.stdout) {
      told += String(chunk).split('\n').length - 1
      if (told >= 20) break
    }
    child.kill('SIGKILL')
    if (child.exitCode === null && child.signalCode === null) await once(child, 'exit')
    clock.set(Date.now() + HOUR_MS)
    const keys = await open()
    assert.ok(keys.statements.length >= told)
    assert.equal(keys.list().keys[0]?.serial, keys.statements.length)
    await keys.rotate({ overlapMs: 0 })
  })
})
