import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import { loadPeerConfig } from '@shoal/peer'
import { loadSeedConfig } from '@shoal/seed'

const folder = join(import.meta.dirname, '../infra/config')

test("the seed's example configuration is one that the seed accepts", () => {
  const config = loadSeedConfig({ file: join(folder, 'seed.yaml'), env: {} })
  assert.equal(config.library.limitBytesPerSecond, 100_000_000)
  assert.equal(config.images.maxImageBytes, 64 * 1024 ** 3)
})

test("the peer's example configuration is one that the peer accepts", () => {
  const config = loadPeerConfig({ file: join(folder, 'peer.yaml'), env: {} })
  assert.equal(config.cache.maxBytes, 200 * 1024 ** 3)
})
