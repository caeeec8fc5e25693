import assert from 'node:assert/strict'
import { test } from 'node:test'
import { encodeLayerGrant, isLayerGrantSigned, layerGrantEnd } from '../../src/auth/layer-grant.ts'
import { TestCluster } from './test-cluster.ts'

const NOW = 1_700_000_000_000
const SUBJECT = { node: 'n1', infoHash: '11'.repeat(20) }

test('a grant counts for its node and layer, by a key that is trusted, and names its end', () => {
  const [cluster, other] = [new TestCluster(), new TestCluster()]
  const keys = [other.key.publicKey, cluster.key.publicKey]
  const grant = encodeLayerGrant(SUBJECT, NOW, cluster.key.privateKey)
  assert.equal(grant.length, 84)
  assert.equal(layerGrantEnd(grant), NOW)
  assert.equal(isLayerGrantSigned(grant, SUBJECT, keys), true)
  assert.equal(isLayerGrantSigned(grant, { ...SUBJECT, node: 'n2' }, keys), false)
  assert.equal(isLayerGrantSigned(grant, { ...SUBJECT, infoHash: '12'.repeat(20) }, keys), false)
  assert.equal(isLayerGrantSigned(grant, SUBJECT, [other.key.publicKey]), false)
  assert.equal(isLayerGrantSigned(grant, SUBJECT, []), false)
})

test('no byte of a grant can be changed', () => {
  const { key } = new TestCluster()
  const grant = encodeLayerGrant(SUBJECT, NOW, key.privateKey)
  for (let at = 0; at < grant.length; at += 1) {
    const changed = Buffer.from(grant)
    changed[at] = (changed[at] ?? 0) ^ 1
    assert.equal(isLayerGrantSigned(changed, SUBJECT, [key.publicKey]), false, `byte ${at}`)
  }
  for (const length of [0, 83, 85]) {
    assert.equal(isLayerGrantSigned(Buffer.concat([grant, grant]).subarray(0, length), SUBJECT, [key.publicKey]), false)
  }
})
