import assert from 'node:assert/strict'
import { it } from 'node:test'
import type { GlanceImage } from '@shoal/openstack'
import { matchesRule } from '../../src/images/import-rules.ts'

const image = { visibility: 'public', tags: ['golden'], properties: { os: 'debian' } } as unknown as GlanceImage

it('wants an image when one rule holds in all its parts', () => {
  assert.equal(matchesRule(image, []), false)
  assert.equal(matchesRule(image, [{}]), true)
  assert.equal(matchesRule(image, [{ visibility: 'private' }, { tag: 'golden' }]), true)
  assert.equal(matchesRule(image, [{ visibility: 'private', tag: 'golden' }]), false)
  assert.equal(matchesRule(image, [{ property: 'os' }]), true)
  assert.equal(matchesRule(image, [{ property: 'os=debian' }]), true)
  assert.equal(matchesRule(image, [{ property: 'os=suse' }]), false)
  assert.equal(matchesRule(image, [{ property: 'constructor' }]), false)
})
