import { deepEqual, equal, ok } from 'node:assert/strict'
import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { digestHex, parseDigest, seededRandom } from '@shoal/core'
import { testDirectory } from '../peer-fixture.ts'
import { ASSIGNED_AT, LIMIT_BYTES, openCrashNode } from './crash-node.ts'

const SEED = Number(process.env.SHOAL_TEST_SEED ?? Date.now() % 1_000_000)
const ROUNDS = 6
/** What file systems round up to, for each file. */
const ROUNDING_BYTES = 64 * 1024

test('killed at any moment a node is within its limit, counts what is on disk, and has lost no layer nor pin', {
  timeout: 120_000,
}, async (t) => {
  t.diagnostic(`SHOAL_TEST_SEED=${SEED}`)
  const random = seededRandom(SEED)
  await using directory = await testDirectory()
  for (let round = 0; round < ROUNDS; round += 1) {
    const said = await workUntilKilled(directory.path, { seed: SEED + round, afterMs: 50 + random() * 400 })
    await using node = await openCrashNode(directory.path)
    const { store, cache, layersPath } = node
    // No orphans: everything on disk belongs to a layer that the state knows.
    deepEqual(store.foreign(), [])
    const held = store.layers().map(({ manifest }) => digestHex(manifest.digest))
    deepEqual((await readdir(join(layersPath, 'layers'))).sort(), held.sort())
    // Accounting is what is on disk, within the limit.
    const { layerBytes, otherBytes, takenBytes } = await cache.cache.space()
    equal(layerBytes, diskBytes(join(layersPath, 'layers')))
    equal(otherBytes, diskBytes(join(layersPath, 'staging')))
    ok(takenBytes <= LIMIT_BYTES + ROUNDING_BYTES, `${takenBytes}`)
    // No layer is lost that the state claims, nor is one both there and gone.
    for (const layer of store.layers()) {
      const { badBlocks, digestMatches } = await layer.verify()
      deepEqual(badBlocks, [])
      equal(digestMatches, layer.isComplete ? true : null)
      if (layer.isComplete) equal(cache.evicted.has(layer.manifest.digest, ASSIGNED_AT), false)
    }
    // Pins hold, and so does what they are for.
    const { layers } = await cache.list()
    const pinned = layers.filter(({ pins }) => pins.some(({ owner }) => owner === 'test')).map(({ layer }) => layer)
    for (const layer of pinnedBy(said)) ok(pinned.includes(layer), `${layer} is pinned`)
    for (const layer of pinned) ok(store.get(parseDigest(layer))?.isComplete, `${layer} is whole`)
    t.diagnostic(`round ${round}: ${held.length} layers, ${pinned.length} pinned`)
    for (const layer of pinned) await cache.unpin(parseDigest(layer), 'test')
  }
})

/** What a child has pinned, and did not begin to unpin. */
function pinnedBy(lines: readonly string[]): Set<string> {
  const pinned = new Set<string>()
  for (const line of lines) {
    const [what, layer = ''] = line.split(' ')
    if (what === 'pinned') pinned.add(layer)
    if (what === 'unpinning') pinned.delete(layer)
  }
  return pinned
}

/** Lines of the child, which is killed after a while. */
async function workUntilKilled(
  directory: string,
  { seed, afterMs }: { seed: number; afterMs: number },
): Promise<string[]> {
  const program = join(import.meta.dirname, 'crash-child.ts')
  const child = spawn(process.execPath, [program, directory, String(seed)], { stdio: ['ignore', 'pipe', 'inherit'] })
  let text = ''
  const exited = once(child, 'exit')
  child.stdout.setEncoding('utf8').on('data', (more: string) => {
    // The moment is random; it counts from when the child has begun.
    if (text === '') setTimeout(() => child.kill('SIGKILL'), afterMs)
    text += more
  })
  const [, signal] = await exited
  equal(signal, 'SIGKILL')
  return text.trim().split('\n')
}

/** What du counts below a directory. */
function diskBytes(directory: string): number {
  const text = execFileSync('find', [directory, '-mindepth', '1', '-printf', '%b\n'], { encoding: 'utf8' })
  return text.split('\n').reduce((sum, blocks) => sum + Number(blocks) * 512, 0)
}
