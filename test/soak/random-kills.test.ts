import assert from 'node:assert/strict'
import { randomInt } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { seededRandom } from '@shoal/core'
import { createCluster } from '../harness/cluster.ts'
import { writeRandomRaw } from '../harness/test-images.ts'
import { undoAfter } from '../harness/undo.ts'
import { until } from '../harness/until.ts'

const MIB = 1024 * 1024
/** One round takes about half a minute. `SHOAL_SOAK_ROUNDS` and `SHOAL_SOAK_SEED` choose another length and repeat a run. */
const ROUNDS = Number(process.env.SHOAL_SOAK_ROUNDS ?? 20)
const SEED = Number(process.env.SHOAL_SOAK_SEED ?? randomInt(2 ** 31))
const KILLS_A_ROUND = 5

test(`${ROUNDS} images reach three nodes whole while seed and nodes are killed at random`, async (t) => {
  const undo = undoAfter(t)
  t.diagnostic(`SHOAL_SOAK_SEED=${SEED}`)
  const random = seededRandom(SEED)
  const library = await mkdtemp(join(tmpdir(), 'shoal-soak-'))
  undo.after(() => rm(library, { recursive: true, force: true }))
  const cluster = await createCluster(undo, {
    peers: 3,
    library: { directory: library, limitBytesPerSecond: 24 * MIB },
    seedConfig: { swarm: { upBytesPerSecond: 8 * MIB } },
  })
  await cluster.startSeed()
  await cluster.startPeers()
  for (let round = 1; round <= ROUNDS; round += 1) {
    const name = `image-${round}`
    await writeRandomRaw(join(library, `${name}.raw`), (16 + Math.floor(random() * 32)) * MIB, round)
    const image = await until(`the seed sees ${name}`, async () => {
      const { images } = await cluster.client.listImages({ query: { limit: 1000 } })
      return images.find((found) => found.name === name)?.id
    })
    await cluster.client.importImage({ params: { image } })
    await killSome('seed', 1)
    const imported = await cluster.imported(image)
    assert.equal(imported.import?.state, 'published', `${name}: ${JSON.stringify(imported.import)}`)
    const layer = imported.layer ?? ''
    await cluster.assign(layer)
    await killSome('any', KILLS_A_ROUND)
    await cluster.complete(layer, undefined, 180_000)
    for (const { name: node } of cluster.peers) {
      const local = await cluster.peerClient(node)
      assert.equal((await local.verifyLayer({ params: { layer } })).digestMatches, true, `${name} on ${node}`)
    }
    t.diagnostic(`round ${round}: ${name} is whole on every node`)
  }

  async function killSome(who: 'seed' | 'any', kills: number): Promise<void> {
    for (let kill = 0; kill < kills; kill += 1) {
      // The chaos of this test is in when it strikes: a wait of random length is what it is about.
      await sleep(random() * 1500)
      const victim = who === 'seed' ? 0 : Math.floor(random() * (cluster.peers.length + 1))
      const service = cluster.peers[victim - 1] ?? cluster.seed
      await service.end('SIGKILL')
      await service.start()
    }
  }
})
