import assert from 'node:assert/strict'
import { it } from 'node:test'
import { isMeant, isUsable, newestFirst, publishedAt } from '../../src/rules/rule-images.ts'
import { buildImage } from './rules-fixture.ts'

it('means images for which all of its conditions hold', () => {
  const { image } = buildImage('a1', { name: 'debian-13', tags: ['golden'], properties: { os: 'linux' } })
  assert.equal(isMeant({ tag: 'golden' }, image), true)
  assert.equal(isMeant({ tag: 'golden', property: 'os=linux', name: 'debian-*', id: 'A1' }, image), true)
  for (const wrong of [
    { id: 'a2' },
    { name: 'debian' },
    { tag: 'silver' },
    { property: 'os=bsd' },
    { property: 'x' },
  ]) {
    assert.equal(isMeant({ tag: 'golden', ...wrong }, image), false, JSON.stringify(wrong))
  }
})

it('means names with anything in place of each star', () => {
  const isNamed = (pattern: string, name: string | null) => isMeant({ name: pattern }, buildImage('a', { name }).image)
  for (const [pattern, name] of [
    ['debian-13', 'debian-13'],
    ['*', 'x'],
    ['*', null],
    ['debian-*', 'debian-'],
    ['*-golden', 'debian-golden'],
    ['a*b*c', 'a.b.b.c'],
    ['a**c', 'ac'],
    ['*x*', 'axb'],
    ['[a].?*', '[a].?!'],
  ] as const) {
    assert.equal(isNamed(pattern, name), true, `${pattern} ${name}`)
  }
  for (const [pattern, name] of [
    ['debian-*', 'Debian-13'],
    ['debian', 'debian-13'],
    ['aba*aba', 'aba'],
    ['ab*ab', 'abab!'],
    ['a*b*b*c', 'abc'],
    ['a.c', 'abc'],
    ['x*', null],
  ] as const) {
    assert.equal(isNamed(pattern, name), false, `${pattern} ${name}`)
  }
  const begin = performance.now()
  assert.equal(isNamed('*a'.repeat(120), `${'a'.repeat(200)}b`), false)
  assert.ok(performance.now() - begin < 1000)
})

it('sorts by when images were made, else changed, else published', () => {
  const ids = newestFirst([
    buildImage('undated', { createdAt: '', updatedAt: '', finishedAt: '2026-09-01T00:00:00.000Z' }),
    buildImage('old', { createdAt: '2026-01-01T00:00:00Z', finishedAt: '2026-08-01T00:00:00.000Z' }),
    buildImage('same-second', { createdAt: '2026-02-01T00:00:00Z', finishedAt: '2026-02-03T00:00:00.000Z' }),
    buildImage('new', { createdAt: '2026-02-01T00:00:00Z', finishedAt: '2026-02-04T00:00:00.000Z' }),
    buildImage('changed', { createdAt: '', updatedAt: '2026-01-15T00:00:00Z' }),
  ]).map(({ image }) => image.id)
  assert.deepEqual(ids, ['new', 'same-second', 'changed', 'old', 'undated'])
})

it('takes images as published while they are distributed, and as usable unless their bytes were refused', () => {
  assert.equal(publishedAt(buildImage('a')), '2026-01-01T00:00:00.000Z')
  for (const change of [
    { finishedAt: null },
    { status: 'deactivated' },
    { deletedAt: '2026-01-02T00:00:00Z' },
    { errorCode: 'SHOAL_IMPORT_IO' },
  ] as const) {
    assert.equal(publishedAt(buildImage('a', change)), undefined, JSON.stringify(change))
  }
  assert.equal(isUsable(buildImage('a', { finishedAt: null })), true)
  assert.equal(isUsable(buildImage('a', { errorCode: 'SHOAL_IMPORT_IO' })), true)
  assert.equal(isUsable(buildImage('a', { errorCode: 'SHOAL_GLANCE_HASH_MISMATCH' })), false)
  assert.equal(isUsable(buildImage('a', { status: 'deactivated' })), false)
})
