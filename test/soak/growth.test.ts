import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { growthOf } from '../../bench/load/growth.ts'
import { InspectedProcess, inspectable } from '../../bench/load/inspect-process.ts'
import { footprint } from '../../bench/load/measure-load.ts'
import { createCluster } from '../harness/cluster.ts'
import { writeRandomRaw } from '../harness/test-images.ts'
import { undoAfter } from '../harness/undo.ts'
import { until } from '../harness/until.ts'

/** Each takes some five seconds, and has some fifty heartbeats. */
const ROUNDS = Number(process.env.SHOAL_SOAK_ROUNDS ?? 100)
const MIB = 1024 ** 2
const IMAGE_MIB = 8
/** Code is compiled and tables are filled by then. */
const WARM_UP_SHARE = 1 / 3
/** Of what lives on the heap, and of open files. */
const MOST_GROWTH = 0.05
const SERVICES = ['seed', 'node1', 'node2']

test(`${ROUNDS} images come and go, and neither seed nor peers keep anything of them in memory`, async (t) => {
  const undo = undoAfter(t)
  const library = await mkdtemp(join(tmpdir(), 'shoal-soak-'))
  undo.after(() => rm(library, { recursive: true, force: true }))
  const inspectorOf = (name: string) => `127.98.0.${1 + SERVICES.indexOf(name)}`
  const cluster = await createCluster(undo, {
    peers: 2,
    library: { directory: library },
    seedEnv: inspectable(inspectorOf('seed')),
    peerEnv: (name) => inspectable(inspectorOf(name)),
    peerConfig: () => ({ heartbeat: { intervalMs: 100 }, reconcile: { intervalMs: 1000 } }),
  })
  await cluster.startSeed()
  await cluster.startPeers()
  const processes = await Promise.all(
    SERVICES.map(async (name) => {
      const { pid } = name === 'seed' ? cluster.seed : cluster.peer(name)
      const inspected = await InspectedProcess.open(pid, inspectorOf(name))
      undo.after(async () => inspected[Symbol.dispose]())
      return { name, pid, inspected, heap: [] as number[], descriptors: [] as number[] }
    }),
  )
  for (let round = 1; round <= ROUNDS; round += 1) {
    await comeAndGo(round)
    for (const { pid, inspected, heap, descriptors } of processes) {
      heap.push((await inspected.usedHeapBytes()) / MIB)
      descriptors.push((await footprint(pid)).descriptors)
    }
    console.error(round, processes.map(({ name, heap }) => `${name} ${heap.at(-1)?.toFixed(1)} MiB`).join(', '))
  }
  for (const { name, heap, descriptors } of processes) {
    for (const [what, values] of Object.entries({ heap, descriptors })) {
      const settled = values.slice(Math.floor(values.length * WARM_UP_SHARE))
      const grew = growthOf(settled.map((value, index) => ({ minutes: index, value })))
      t.diagnostic(`${name}: ${what} ${(grew * 100).toFixed(1)} %`)
      assert.ok(grew <= MOST_GROWTH, `${what} of ${name} grew by ${(grew * 100).toFixed(1)} %: ${values.join(' ')}`)
    }
  }

  async function comeAndGo(round: number): Promise<void> {
    const name = `image-${round}`
    const file = join(library, `${name}.raw`)
    await writeRandomRaw(file, IMAGE_MIB * MIB, round)
    const image = await until(`the seed sees ${name}`, async () => {
      const { images } = await cluster.client.listImages({ query: { limit: 1000 } })
      return images.find((found) => found.name === name)?.id
    })
    const { layer } = await cluster.import(image)
    assert.ok(layer)
    await cluster.assign(layer)
    await cluster.complete(layer)
    await rm(file)
    await until(`${name} is gone from all nodes`, async () => {
      const held = await Promise.all(cluster.peers.map(({ name: node }) => cluster.reported(node, layer)))
      return held.every((found) => found === undefined)
    })
  }
})
