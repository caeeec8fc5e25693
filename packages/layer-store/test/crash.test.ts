import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { mkdir, mkdtemp, readdir, readFile, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, test } from 'node:test'
import { seededRandom, silentLogger, systemClock } from '@shoal/core'
import { createLayerStore, type LayerStore } from '@shoal/layer-store'
import { openLevelState } from '@shoal/state'
import { checkNothingBehind, checkSpace } from './check-space.ts'
import { CRASH_LAYER, KEEP_LAYER, KEPT_BLOCKS, layerFixture } from './layer-fixture.ts'

const seed = Number(process.env.SHOAL_TEST_SEED ?? Date.now() % 1_000_000)

describe('a layer store whose process is killed', () => {
  const random = seededRandom(seed)
  let directory: string
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'shoal-crash-'))
  })
  afterEach(async () => {
    await rm(directory, { recursive: true, force: true })
  })

  test('while blocks are written: what was durable is there, and what counts is verified', async (t) => {
    t.diagnostic(`SHOAL_TEST_SEED=${seed}`)
    const fixture = layerFixture(CRASH_LAYER)
    const durable = new Set<number>()
    let isComplete = false
    for (let round = 0; round < 5; round += 1) {
      for (const line of await runAndKill(directory, ['write'], 1 + Math.floor(random() * 15), random() * 3)) {
        if (line === 'complete') isComplete = true
        else for (const block of line.split(' ')) durable.add(Number(block))
      }
      await inspect(directory, async (store) => {
        const layer = store.get(fixture.manifest.digest)
        assert.ok(layer)
        assert.equal(layer.durableBlocks, layer.present.count)
        for (const block of durable) assert.ok(layer.present.has(block), `block ${block} was durable`)
        for (const block of layer.present.ones()) {
          assert.deepEqual(await layer.read(block * 4096, fixture.block(block).length), fixture.block(block))
        }
        assert.deepEqual((await layer.verify()).badBlocks, [])
        if (isComplete) assert.equal(layer.present.count, layer.present.length)
      })
    }
    assert.ok(durable.size > 0)
  })

  test('while layers come and go: a staged import is either still staged or the whole layer, and nothing is left over', async (t) => {
    t.diagnostic(`SHOAL_TEST_SEED=${seed}`)
    for (let round = 0; round < 6; round += 1) {
      const lines = await runAndKill(directory, ['come-and-go'], 2 + Math.floor(random() * 12), random() * 8)
      await inspect(directory, async (store) => {
        assert.deepEqual(store.foreign(), [])
        for (const layer of store.layers()) assert.deepEqual((await layer.verify()).badBlocks, [])
        const last = lines.at(-1)?.split(' ') ?? []
        const fixture = layerFixture({ seed: Number(last[1]) })
        const layer = store.get(fixture.manifest.digest)
        if (last[0] === 'staged' && !layer?.isComplete) {
          assert.deepEqual(await readFile(store.stagingPath(`staged-${last[1]}`)), fixture.content)
        }
        const directories = await readdir(join(directory, 'layers'))
        assert.equal(directories.length, store.layers().length)
      })
    }
  })

  test('before or after any step of keeping a part: it has all blocks or those that stay, and little space is lost', async () => {
    const fixture = layerFixture(KEEP_LAYER)
    const counts: number[] = []
    for (let moment = 0; ; moment += 1) {
      const own = join(directory, String(moment))
      await mkdir(own)
      const lines = await runAndKill(own, ['keep', String(moment)], Number.POSITIVE_INFINITY, 0)
      await inspect(own, async (store) => {
        const layer = store.get(fixture.manifest.digest)
        assert.ok(layer)
        counts.push(layer.present.count)
        if (!layer.isComplete) assert.deepEqual([...layer.present.ones()], KEPT_BLOCKS)
        assert.deepEqual((await layer.verify()).badBlocks, [])
        await checkNothingBehind(store)
        await checkSpace(store, own)
        const { blocks, blksize } = await stat(layer.path)
        assert.ok(blocks * 512 <= layer.presentBytes * 1.25 + blksize, `${blocks * 512} of ${layer.presentBytes}`)
        await layer.writeBlocks(0, fixture.content)
        assert.equal((await layer.verify()).digestMatches, true)
      })
      if (lines.includes('kept')) break
    }
    // The record; a process that is told of four gaps; the cut to both lengths. A moment before and after each call.
    const whole = counts.indexOf(KEPT_BLOCKS.length)
    assert.deepEqual(
      counts,
      counts.map((_, moment) => (moment < whole ? 64 : KEPT_BLOCKS.length)),
    )
    assert.ok(whole >= 3 && counts.length >= 21, counts.join())
  })

  test('while a part is kept and the rest written: what counts is verified, and nothing lies behind it', async (t) => {
    t.diagnostic(`SHOAL_TEST_SEED=${seed}`)
    for (let round = 0; round < 4; round += 1) {
      await runAndKill(directory, ['keep-and-write'], 1 + Math.floor(random() * 12), random() * 8)
      await inspect(directory, async (store) => {
        for (const layer of store.layers()) assert.deepEqual((await layer.verify()).badBlocks, [])
        await checkNothingBehind(store)
        await checkSpace(store, directory)
      })
    }
  })
})

async function inspect(directory: string, check: (store: LayerStore) => Promise<void>): Promise<void> {
  await using state = await openLevelState(join(directory, 'state'))
  await using store = createLayerStore({ state, logger: silentLogger, clock: systemClock }, { directory })
  await store.open()
  await check(store)
}

/** Runs the child, kills it a moment after so many lines, and returns all that it reported. */
async function runAndKill(
  directory: string,
  work: readonly string[],
  lines: number,
  delayMs: number,
): Promise<string[]> {
  const child = spawn(process.execPath, [join(import.meta.dirname, 'crash-child.ts'), directory, ...work], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  let text = ''
  let isDoomed = false
  child.stdout.setEncoding('utf8')
  for await (const chunk of child.stdout) {
    text += String(chunk)
    if (isDoomed || text.split('\n').length <= lines) continue
    isDoomed = true
    // A random moment, not a wait for something: any step may be the one that is cut.
    setTimeout(() => child.kill('SIGKILL'), delayMs)
  }
  child.kill('SIGKILL')
  return text.split('\n').slice(0, -1)
}
