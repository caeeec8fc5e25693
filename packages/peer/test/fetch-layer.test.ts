import assert from 'node:assert/strict'
import { generateKeyPairSync } from 'node:crypto'
import { test } from 'node:test'
import { type Digest, decodePublicKey, encodeManifest, silentLogger } from '@shoal/core'
import { createMemoryState } from '@shoal/state'
import { fetchLayer } from '../src/fetch-layer.ts'
import { PeerRecords } from '../src/peer-records.ts'
import { type SeedApi, SeedLink } from '../src/seed-link.ts'
import { layerFixture, signingKey } from './layer-fixture.ts'
import { trusting } from './trusting.ts'

const signer = signingKey()
const layer = layerFixture(signer.privateKey, { sizeBytes: 10_000 })
const { digest } = layer.manifest

/** What a seed answers with, byte by byte. */
function offering(encodedManifest: Uint8Array): SeedLink {
  const client = {
    getManifest: async () => encodedManifest,
    getTorrent: async () => layer.torrent,
  } as unknown as SeedApi
  return new SeedLink({ client, logger: silentLogger }, { url: 'https://seed' })
}

function manifestOf(createdAt: number, privateKey = signer.privateKey): Uint8Array {
  return encodeManifest({ ...layer.manifest, createdAt }, privateKey)
}

function fetcher(records: PeerRecords) {
  const options = {
    trust: trusting(decodePublicKey(signer.publicKey)),
    taken: records,
    signal: AbortSignal.timeout(5000),
  }
  return (encoded: Uint8Array, of: Digest = digest) => fetchLayer(offering(encoded), of, options)
}

test('an older manifest of a layer is refused once a newer one was taken, after a restart too', async () => {
  const state = createMemoryState()
  const logger = silentLogger
  const take = fetcher(new PeerRecords({ state, logger }))
  await take(manifestOf(1000))
  await take(manifestOf(2000))
  assert.equal((await take(manifestOf(2000))).manifest.createdAt, 2000)
  await assert.rejects(take(manifestOf(1999)), { code: 'SHOAL_PEER_MANIFEST_ROLLBACK' })
  const again = fetcher(new PeerRecords({ state, logger }))
  await assert.rejects(again(manifestOf(1000)), { code: 'SHOAL_PEER_MANIFEST_ROLLBACK' })
  await again(manifestOf(3000))
})

test('a manifest of another layer, or of another key, is refused and remembered for nothing', async () => {
  const take = fetcher(new PeerRecords({ state: createMemoryState(), logger: silentLogger }))
  const { privateKey } = generateKeyPairSync('ed25519')
  await assert.rejects(take(manifestOf(9000, privateKey)), { code: 'SHOAL_MANIFEST_SIGNATURE' })
  const other: Digest = `sha256:${'1'.repeat(64)}`
  await assert.rejects(take(manifestOf(9000), other), { code: 'SHOAL_PEER_LAYER_MISMATCH' })
  await take(manifestOf(1000))
})
