import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { test } from 'node:test'
import { ShoalError } from '@shoal/core'
import { type BootProfile, readBootProfile, writeBootProfile } from '../src/boot-profile.ts'
import type { bootProfileErrors } from '../src/boot-profile-errors.ts'
import { hotClusters } from '../src/hot-clusters.ts'

const DIGEST = `sha256:${'9f'.repeat(32)}`
const GIB = 1024 ** 3

const profile = (reads: readonly (readonly [number, number, number])[], virtualSizeBytes = 10 * GIB): BootProfile => ({
  recordedOn: DIGEST,
  virtualSizeBytes,
  reads: reads.map(([offset, length, milliseconds]) => ({ offset, length, milliseconds })),
})

const HEADER = { format: 'shoal-boot-profile', version: 1, recordedOn: DIGEST, virtualSizeBytes: 1 * GIB }
const headed = (lines: string, changes: Readonly<Record<string, unknown>> = {}) =>
  `${JSON.stringify({ ...HEADER, ...changes })}\n${lines}`

const refused = async (
  source: string | AsyncIterable<Uint8Array>,
  code: keyof typeof bootProfileErrors,
  name = String(source),
) => {
  await assert.rejects(readBootProfile(source), { code }, name.slice(0, 200))
}

test('a profile is written line by line as documented, and read again', async () => {
  const written = writeBootProfile(
    profile([
      [0, 512, 0],
      [512, 65536, 3],
      [1048576, 4096, 3],
    ]),
  )
  assert.equal(
    written,
    `{"format":"shoal-boot-profile","version":1,"recordedOn":"${DIGEST}","virtualSizeBytes":10737418240}\n` +
      '[0,512,0]\n[512,65536,3]\n[1048576,4096,3]\n',
  )
  assert.deepEqual(
    await readBootProfile(written),
    profile([
      [0, 512, 0],
      [512, 65536, 3],
      [1048576, 4096, 3],
    ]),
  )
  const documented = await readFile(new URL('../../../docs/formats/boot-profile.md', import.meta.url), 'utf8')
  const example = [...documented.matchAll(/^ {4}(.*)$/gm)].map(([, line]) => `${line}\n`).join('')
  assert.equal(example.replace('9f…e1', '9f'.repeat(32)), written)
})

test('a profile comes in pieces as it comes whole, with fields that are not known, or without reads', async () => {
  const text = headed('[1,2,3]\n[4,5,6]\n', { node: 'compute-7' })
  async function* pieces() {
    for (const byte of Buffer.from(text)) yield Uint8Array.of(byte)
  }
  assert.deepEqual(
    await readBootProfile(pieces()),
    profile(
      [
        [1, 2, 3],
        [4, 5, 6],
      ],
      GIB,
    ),
  )
  assert.deepEqual((await readBootProfile(headed(''))).reads, [])
  const image = '0b1e3c52-6a3f-5d0b-9d3e-2f1f54f3c9aa'
  assert.equal((await readBootProfile(headed('', { recordedOn: image }))).recordedOn, image)
})

test('a first line that is no header is refused', async () => {
  await refused('', 'SHOAL_BOOT_PROFILE_HEADER')
  await refused('\n', 'SHOAL_BOOT_PROFILE_HEADER')
  await refused('[0,512,0]\n', 'SHOAL_BOOT_PROFILE_HEADER')
  await refused('null\n', 'SHOAL_BOOT_PROFILE_HEADER')
  await refused(JSON.stringify(HEADER), 'SHOAL_BOOT_PROFILE_HEADER', 'without its line feed')
  await refused(headed('', { padding: 'x'.repeat(1024) }), 'SHOAL_BOOT_PROFILE_HEADER')
  await refused('['.repeat(100_000), 'SHOAL_BOOT_PROFILE_HEADER')
  const changes = [
    { format: 'other' },
    { recordedOn: undefined },
    { recordedOn: 7 },
    { recordedOn: '../../etc/passwd' },
    { recordedOn: DIGEST.toUpperCase() },
    { virtualSizeBytes: 0 },
    { virtualSizeBytes: 1.5 },
    { virtualSizeBytes: '1' },
    { virtualSizeBytes: 2 ** 44 + 1 },
  ]
  for (const change of changes) await refused(headed('', change), 'SHOAL_BOOT_PROFILE_HEADER')
  for (const version of [0, 2, '1', undefined, 'x'.repeat(500)]) {
    await refused(headed('', { version }), 'SHOAL_BOOT_PROFILE_VERSION')
  }
})

test('a line that is no read is refused', async () => {
  const lines = [
    '',
    '[]',
    '[0,512]',
    '[0,512,0,0]',
    '[0, 512,0]',
    '[0,512,0] ',
    '[0,512,0]\r',
    '[-1,512,0]',
    '[00,512,0]',
    '[0,5e2,0]',
    '[0.0,512,0]',
    '["0",512,0]',
    '[0,512,9007199254740992]',
    '[0,512,99999999999999999]',
    '[0,0,0]',
    '[0,33554433,0]',
    `[${GIB - 1},2,0]`,
    `[${GIB},1,0]`,
    '\u0660',
    `[${'9'.repeat(100_000)},1,0]`,
  ]
  for (const line of lines) {
    const isOfLine = (error: unknown) =>
      error instanceof ShoalError && error.code === 'SHOAL_BOOT_PROFILE_LINE' && error.details.line === 3
    await assert.rejects(readBootProfile(headed(`[0,512,0]\n${line}\n`)), isOfLine, line.slice(0, 100))
  }
  await refused(headed('[0,512,5]\n[0,512,4]\n'), 'SHOAL_BOOT_PROFILE_LINE')
  await refused(headed('[0,512,5]\n[0,512,6]'), 'SHOAL_BOOT_PROFILE_LINE')
  assert.equal((await readBootProfile(headed(`[${GIB - 1},1,9007199254740991]\n`))).reads.length, 1)
})

test('a profile that is too large is refused before all of it is held', async () => {
  let given = 0
  async function* endless() {
    for (;;) {
      given += 1
      yield Buffer.alloc(65536, '[0,512,0]\n')
    }
  }
  await refused(endless(), 'SHOAL_BOOT_PROFILE_SIZE')
  assert.equal(given, 257)
  await refused(headed('[0,512,0]\n'.repeat(262_145)), 'SHOAL_BOOT_PROFILE_SIZE', 'reads')
  assert.equal((await readBootProfile(headed('[0,512,0]\n'.repeat(262_144)))).reads.length, 262_144)
  const limits = { maxBytes: 1000, maxReads: 1 }
  await assert.rejects(readBootProfile(headed('[0,1,0]\n[0,1,0]\n'), limits), { code: 'SHOAL_BOOT_PROFILE_SIZE' })
})

test('what could not be read again is not written', () => {
  const code = (reads: readonly (readonly [number, number, number])[]) => () => writeBootProfile(profile(reads))
  assert.throws(code([[-1, 1, 0]]), { code: 'SHOAL_BOOT_PROFILE_LINE' })
  assert.throws(code([[0, 0.5, 0]]), { code: 'SHOAL_BOOT_PROFILE_LINE' })
  assert.throws(
    code([
      [0, 1, 5],
      [0, 1, 4],
    ]),
    { code: 'SHOAL_BOOT_PROFILE_LINE' },
  )
  assert.throws(() => writeBootProfile({ ...profile([]), recordedOn: 'x' }), { code: 'SHOAL_BOOT_PROFILE_HEADER' })
})

test('hot clusters are in the order of their first touch, each once', () => {
  const touched = profile([
    [65536 * 5 + 1, 65535, 0],
    [65535, 2, 1],
    [65536 * 5, 65537, 2],
    [65536, 65536, 3],
    [0, 1, 4],
  ])
  assert.deepEqual(hotClusters(touched, 65536), [5, 0, 1, 6])
  assert.deepEqual(hotClusters(touched, 65536, 3), [5, 0, 1])
  assert.deepEqual(hotClusters(profile([]), 65536), [])
  assert.equal(hotClusters(profile([[0, 2 ** 25, 0]]), 1).length, 2 ** 20)
  for (const clusterBytes of [0, -1, 1.5, Number.NaN])
    assert.throws(() => hotClusters(profile([]), clusterBytes), TypeError)
})
