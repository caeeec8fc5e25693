import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { middleProperties, readMiddleClaim } from '@shoal/openstack'

const claimed = {
  parent: `sha256:${'ab'.repeat(32)}`,
  parentImage: 'c0ffee00-0000-4000-8000-000000000001',
  guestDigest: 'cd'.repeat(32),
} as const
const properties = middleProperties(claimed)
const read = (changes: Record<string, string | undefined>, diskFormat: string | null = 'qcow2') => {
  const merged = Object.entries({ ...properties, ...changes }).filter((entry): entry is [string, string] => {
    return entry[1] !== undefined
  })
  return readMiddleClaim({ properties: Object.fromEntries(merged), diskFormat })
}

describe('what an image says of being a middle', () => {
  test('has the names of the format document', () => {
    assert.deepEqual(properties, {
      shoal_kind: 'middle',
      shoal_parent: claimed.parent,
      shoal_parent_image: claimed.parentImage,
      shoal_guest_digest: claimed.guestDigest,
    })
  })

  test('is read as it was written, with and without the image for people', () => {
    assert.deepEqual(read({}), { kind: 'middle', properties: claimed })
    const without = read({ shoal_parent_image: undefined })
    assert.deepEqual(without, { kind: 'middle', properties: { ...claimed, parentImage: undefined } })
    const written = middleProperties({ ...claimed, parentImage: undefined })
    assert.equal('shoal_parent_image' in written, false)
  })

  test('is nothing for an image without these properties, whatever its format', () => {
    const properties = { os_distro: 'debian', shoal_parent_image: 'of interest to people only' }
    assert.deepEqual(readMiddleClaim({ properties, diskFormat: 'raw' }), { kind: 'flat' })
    // A name that every object has is no property.
    assert.deepEqual(readMiddleClaim({ properties: {}, diskFormat: null }), { kind: 'flat' })
  })

  const malformed: [what: string, changes: Record<string, string | undefined>, property: string][] = [
    ['another kind', { shoal_kind: 'Middle' }, 'shoal_kind'],
    ['no kind beside a parent', { shoal_kind: undefined }, 'shoal_kind'],
    ['no kind beside a guest digest', { shoal_kind: undefined, shoal_parent: undefined }, 'shoal_kind'],
    ['no parent', { shoal_parent: undefined }, 'shoal_parent'],
    ['a parent that is an image', { shoal_parent: claimed.parentImage }, 'shoal_parent'],
    ['a parent in upper case', { shoal_parent: claimed.parent.toUpperCase() }, 'shoal_parent'],
    ['no guest digest', { shoal_guest_digest: undefined }, 'shoal_guest_digest'],
    [
      'a guest digest with its algorithm',
      { shoal_guest_digest: `sha256:${claimed.guestDigest}` },
      'shoal_guest_digest',
    ],
    ['a guest digest that is cut', { shoal_guest_digest: claimed.guestDigest.slice(1) }, 'shoal_guest_digest'],
  ]
  for (const [what, changes, property] of malformed) {
    test(`is malformed with ${what}`, () => {
      const claim = read(changes)
      assert.equal(claim.kind, 'malformed')
      assert.equal(claim.kind === 'malformed' && claim.property, property)
    })
  }

  test('is malformed for an image that is not qcow2', () => {
    for (const diskFormat of ['raw', null]) {
      const claim = read({}, diskFormat)
      assert.equal(claim.kind === 'malformed' && claim.property, 'disk_format')
    }
  })
})
