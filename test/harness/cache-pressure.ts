import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, mkdtemp, rm, statfs } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type { Client } from '@shoal/api'
import { type Cluster, createCluster } from './cluster.ts'
import { openInQemu } from './open-in-qemu.ts'
import { mountSmallDisk } from './small-disk.ts'
import { writeRandomRaw } from './test-images.ts'
import { undoAfter } from './undo.ts'
import { until } from './until.ts'

const run = promisify(execFile)
const MIB = 1024 ** 2
/** What ext4 keeps for itself, and what the cache is told to leave free. */
const MIN_FREE_BYTES = 4 * MIB

export interface PressureOptions {
  readonly layers: number
  readonly layerMib: number
  readonly limitMib: number
  readonly timeoutMs: number
}

/**
 * A node with a limit, on a small file system of its own, is asked for far more than fits, all at once, while QEMU has one of the layers open:
 * that one stays whole, what fits stays, the rest is refused with a clear word, the disk never fills, and what is more urgent takes the room
 * of the rest.
 */
export async function putCacheUnderPressure(
  t: { after(fn: () => Promise<void>): void; diagnostic(text: string): void },
  { layers: count, layerMib, limitMib, timeoutMs }: PressureOptions,
): Promise<void> {
  const undo = undoAfter(t)
  const small = await mountSmallDisk(undo, limitMib + Math.max(24, Math.ceil(limitMib / 8)))
  const library = await mkdtemp(join(tmpdir(), 'shoal-library-'))
  undo.after(() => rm(library, { recursive: true, force: true }))
  for (let index = 0; index < count; index += 1) {
    await writeRandomRaw(join(library, `image-${index}.raw`), layerMib * MIB, index + 1)
  }
  const store = join(small, 'layers')
  await mkdir(store)
  const limitBytes = limitMib * MIB
  const cache = { maxBytes: limitBytes, maxShare: 1, minFreeBytes: MIN_FREE_BYTES, highWatermark: 1, lowWatermark: 1 }
  const cluster = await createCluster(undo, {
    peers: 1,
    library: { directory: library },
    peerConfig: () => ({ store: { directory: store }, cache }),
  })
  await cluster.startSeed()
  await cluster.startPeers()
  const digests = await importAll(cluster, count, timeoutMs)
  const [used = '', ...others] = digests
  const peer = await cluster.peerClient('node1')
  await cluster.assign(used)
  await cluster.complete(used, undefined, timeoutMs)
  const qemu = await openInQemu(undo, await layerPath(peer, used), join(cluster.directory, 'overlay.qcow2'))

  await Promise.all(others.map((layer) => cluster.assign(layer)))
  const fits = Math.floor(limitMib / (layerMib + 1))
  let leastFree = Number.POSITIVE_INFINITY
  const settled = await until(
    'every layer is there or was refused',
    async () => {
      const { bavail, bsize } = await statfs(small)
      leastFree = Math.min(leastFree, bavail * bsize)
      assert.ok((await allocatedBytes(store)) <= limitBytes, 'the limit is exceeded')
      const { layers } = await peer.localStatus()
      const complete = layers.filter(({ state }) => state === 'complete')
      const refused = layers.filter(({ error }) => error?.code === 'SHOAL_CACHE_FULL')
      return complete.length === fits && complete.length + refused.length === count ? { complete, refused } : undefined
    },
    { timeoutMs, everyMs: 50 },
  )
  t.diagnostic(
    `${settled.complete.length} of ${count} layers fit; at least ${Math.floor(leastFree / MIB)} MiB were free`,
  )
  assert.ok(
    settled.complete.some(({ digest }) => digest === used),
    'the layer that QEMU reads stays',
  )
  assert.ok(leastFree >= MIN_FREE_BYTES)
  assert.ok(
    settled.refused.every(({ error }) => /assigned with it|on its way|qemu/.test(error?.message ?? '')),
    'a refusal names who holds the space',
  )

  await until('the cache counts what is on disk, where the file system has yet to place what was written', async () => {
    const { layerBytes, takenBytes } = await peer.showCache()
    assert.ok(takenBytes <= limitBytes)
    return layerBytes === (await allocatedBytes(join(store, 'layers')))
  })
  assert.equal(
    (await cluster.events('store.no-space')).filter(({ details }) => details.code === 'SHOAL_STORE_NO_SPACE').length,
    0,
  )
  assert.equal((await peer.verifyLayer({ params: { layer: used } })).digestMatches, true)
  const { layers } = await peer.listCache()
  assert.equal(layers.find(({ layer }) => layer === used)?.pins[0]?.kind, 'machine')

  await giveWay(cluster, peer, { used, settled, timeoutMs })
  await assert.rejects(peer.evictLayers({ body: { layer: used } }), { code: 'SHOAL_CACHE_PINNED' })
  qemu.kill('SIGTERM')
  await once(qemu, 'exit')
  await peer.evictLayers({ body: { layer: used } })
  assert.ok(cluster.peer('node1').isRunning)
}

/** What is more urgent takes the room of the rest, but not of what is read. */
async function giveWay(
  cluster: Cluster,
  peer: Client,
  it: {
    readonly used: string
    readonly settled: {
      readonly complete: readonly { digest: string }[]
      readonly refused: readonly { digest: string }[]
    }
    readonly timeoutMs: number
  },
): Promise<void> {
  const { used, settled, timeoutMs } = it
  const wanted = settled.refused[0]?.digest ?? ''
  for (const { digest } of settled.refused) await cluster.client.unassign({ body: { layer: digest } })
  // Just assigned as well, but more urgent.
  await cluster.client.assign({ body: { layer: wanted, nodes: ['node1'], priority: 60 } })
  await cluster.complete(wanted, undefined, timeoutMs)
  const { layers } = await peer.localStatus()
  const held = layers.filter(({ state }) => state === 'complete').map(({ digest }) => digest)
  assert.ok(held.includes(used) && held.includes(wanted))
  assert.equal(held.length, settled.complete.length)
  await until('the eviction is in the journal', async () => (await cluster.events('layer.evicted')).length > 0)
}

async function importAll(cluster: Cluster, count: number, timeoutMs: number): Promise<string[]> {
  const images = await until('the seed sees the images', async () => {
    const found = (await cluster.client.listImages()).images
    return found.length === count ? found : undefined
  })
  const digests: string[] = []
  for (const { id } of images) {
    const { layer } = await cluster.import(id, timeoutMs)
    assert.ok(layer !== null)
    digests.push(layer)
  }
  return digests
}

async function layerPath(peer: Client, layer: string): Promise<string> {
  const { layers } = await peer.localStatus()
  return layers.find(({ digest }) => digest === layer)?.path ?? ''
}

async function allocatedBytes(directory: string): Promise<number> {
  const { stdout } = await run('find', [directory, '-mindepth', '1', '-printf', '%b\n'])
  return stdout
    .split('\n')
    .filter((line) => line !== '')
    .reduce((sum, blocks) => sum + Number(blocks) * 512, 0)
}
