import { deepEqual, equal, ok, rejects, throws } from 'node:assert/strict'
import { mkdtemp, open, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, test } from 'node:test'
import { Bitfield, blockCount, type Digest, type Manifest, ManualClock, silentLogger, systemClock } from '@shoal/core'
import { createLayerStore, type StoredLayer, type VerifyOptions } from '@shoal/layer-store'
import { createMemoryState } from '@shoal/state'
import type { ScrubPosition } from '../../src/cache/cache-records.ts'
import { Scrubber } from '../../src/cache/scrubber.ts'
import { layerFixture, signingKey } from '../layer-fixture.ts'
import { recordingLogger } from '../recording-logger.ts'

const MIB = 1024 ** 2
const HOUR = 60 * 60

describe('Scrubber', () => {
  let stop: AbortController
  let loops: Promise<void>[]
  beforeEach(() => {
    stop = new AbortController()
    loops = []
  })
  afterEach(async () => {
    stop.abort(new Error('test ended'))
    await Promise.allSettled(loops)
  })

  test('goes round over all present blocks, in runs of 16 MiB, at its rate, and not more than once an hour', async () => {
    const scene = setUp({ bytesPerSecond: MIB })
    scene.add('b', { blocks: 40 })
    scene.add('a', { blocks: 30, present: [3, 4, 9, 25] })
    scene.add('c', { blocks: 5, present: [] })
    await scene.pass(HOUR - 1)
    deepEqual(scene.checks, ['0 s: a 3+23', '4 s: b 0+16', '20 s: b 16+16', '36 s: b 32+8'])
    deepEqual([scene.scrubber.checkedBytes, scene.scrubber.badBlocks, scene.scrubber.rounds], [44 * MIB, 0, 1])
    await scene.pass(6)
    deepEqual(scene.checks.slice(4), [`${HOUR} s: a 3+23`, `${HOUR + 4} s: b 0+16`])
  })

  test('the time that checking takes counts towards the rate; a slower disk is not waited for as well', async () => {
    const scene = setUp({ bytesPerSecond: MIB })
    let seconds = 5
    scene.add('a', { blocks: 40, onVerify: () => scene.clock.sleep(seconds * 1000) })
    await scene.pass(15)
    seconds = 20
    await scene.pass(30)
    deepEqual(scene.checks, ['0 s: a 0+16', '16 s: a 16+16', '36 s: a 32+8'])
  })

  test('more than an hour for a round: the next begins at once', async () => {
    const scene = setUp({ bytesPerSecond: 1024 })
    scene.add('a', { blocks: 4 })
    await scene.pass(4 * 1024 + 1)
    deepEqual(scene.checks, ['0 s: a 0+4', '4096 s: a 0+4'])
  })

  test('bad blocks are told with their layer, and counted', async () => {
    const scene = setUp({ bytesPerSecond: MIB })
    scene.add('a', { blocks: 20, bad: [7, 18] })
    scene.add('b', { blocks: 1 })
    await scene.pass(30)
    deepEqual(scene.bad, ['a: 7', 'a: 18'])
    equal(scene.scrubber.badBlocks, 2)
    equal(scene.checks.length, 3)
  })

  test('goes on where an earlier run stood, and begins the next round without a rest', async () => {
    const scene = setUp({ bytesPerSecond: MIB, position: { digest: digest('b'), block: 16 } })
    for (const name of ['a', 'b', 'c']) scene.add(name, { blocks: 20 })
    await scene.pass(24)
    deepEqual(scene.checks, ['0 s: b 16+4', '4 s: c 0+16', '20 s: c 16+4', '24 s: a 0+16'])
    deepEqual(scene.position(), { digest: digest('a'), block: 16 })
    equal(scene.scrubber.rounds, 1)
  })

  test('goes on behind a layer that is no longer there, and at the start when the end was reached', async () => {
    const scene = setUp({ bytesPerSecond: MIB, position: { digest: digest('b'), block: 16 } })
    for (const name of ['a', 'c']) scene.add(name, { blocks: 1 })
    await scene.pass(1)
    deepEqual(scene.checks, ['0 s: c 0+1', '1 s: a 0+1'])
    const atEnd = setUp({ bytesPerSecond: MIB, position: { digest: digest('c'), block: 1 } })
    for (const name of ['a', 'c']) atEnd.add(name, { blocks: 1 })
    await atEnd.pass(1)
    deepEqual(atEnd.checks, ['0 s: a 0+1', '1 s: c 0+1'])
    equal(atEnd.scrubber.rounds, 0)
  })

  test('a layer that is removed meanwhile is passed over in silence, one that cannot be checked with a warning', async () => {
    const scene = setUp({ bytesPerSecond: MIB })
    const failWith = (code: string) => () => Promise.reject(Object.assign(new Error(code), { code }))
    scene.add('a', { blocks: 40, onVerify: failWith('SHOAL_STORE_LAYER_UNKNOWN') })
    scene.add('b', { blocks: 40, onVerify: failWith('SHOAL_STORE_IO') })
    scene.add('c', { blocks: 1 })
    await scene.pass(60)
    deepEqual(scene.checks, ['0 s: a 0+16', '0 s: b 0+16', '0 s: c 0+1'])
    deepEqual(scene.codes('warn'), ['SHOAL_STORE_IO'])
    equal(scene.scrubber.checkedBytes, MIB)
  })

  test('with nothing to check it looks again once a minute', async () => {
    const scene = setUp({ bytesPerSecond: MIB })
    await scene.pass(10 * 60)
    equal(scene.looks(), 11)
    equal(scene.scrubber.rounds, 0)
    scene.add('a', { blocks: 1 })
    await scene.pass(60)
    deepEqual(scene.checks, ['660 s: a 0+1'])
  })

  test('what cannot be recorded is logged, and the check goes on', async () => {
    const scene = setUp({ bytesPerSecond: MIB, recordsFail: 'SHOAL_STATE_IO' })
    scene.add('a', { blocks: 20 })
    await scene.pass(16)
    deepEqual(scene.checks, ['0 s: a 0+16', '16 s: a 16+4'])
    deepEqual(scene.codes('warn'), ['SHOAL_STATE_IO', 'SHOAL_STATE_IO', 'SHOAL_STATE_IO'])
  })

  test('an abort ends it at once, whether it checks or waits', async () => {
    const reason = new Error('enough')
    const never = () => new Promise<void>(() => {})
    for (const onVerify of [never, async () => {}]) {
      const scene = setUp({ bytesPerSecond: MIB })
      scene.add('a', { blocks: 40, onVerify })
      const controller = new AbortController()
      const run = scene.scrubber.run({ signal: controller.signal })
      await settle()
      equal(scene.checks.length, 1)
      controller.abort(reason)
      await rejects(run, reason)
      equal(scene.checks.length, 1)
    }
  })

  test('without a rate it checks nothing and waits for the abort; no rate is a TypeError', async () => {
    const scene = setUp({ bytesPerSecond: null })
    scene.add('a', { blocks: 1 })
    const controller = new AbortController()
    const run = scene.scrubber.run({ signal: controller.signal })
    scene.clock.advance(HOUR * 1000)
    await settle()
    equal(scene.looks(), 0)
    const reason = new Error('enough')
    controller.abort(reason)
    await rejects(run, reason)
    await rejects(scene.scrubber.run({ signal: AbortSignal.abort(reason) }), reason)
    for (const bytesPerSecond of [0, -1, Number.NaN]) throws(() => setUp({ bytesPerSecond }), TypeError)
  })

  test('finds a block that rotted on disk, which is absent then', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'shoal-scrub-'))
    const { promise: found, resolve } = Promise.withResolvers<unknown[]>()
    try {
      const deps = { state: createMemoryState(), logger: silentLogger, clock: systemClock }
      await using store = createLayerStore(deps, { directory })
      await store.open()
      const fixture = layerFixture(signingKey().privateKey, { sizeBytes: 5 * MIB })
      const layer = await store.create(fixture)
      await layer.writeBlocks(0, fixture.data)
      await layer.flush()
      const file = await open(layer.path, 'r+')
      await file.write(Buffer.from('rot'), 0, 3, 3 * fixture.manifest.blockLengthBytes + 5)
      await file.close()
      const scrubber = new Scrubber(
        {
          layers: () => store.layers(),
          onBad: (digest, badBlocks) => resolve([digest, badBlocks]),
          records: { get: async () => undefined, set: async () => {} },
          clock: systemClock,
          logger: silentLogger,
        },
        { bytesPerSecond: 1024 * MIB },
      )
      loops.push(scrubber.run({ signal: stop.signal }))
      deepEqual(await found, [fixture.manifest.digest, [3]])
      equal(layer.present.has(3), false)
      ok(layer.present.has(2))
      stop.abort()
      await Promise.allSettled(loops)
    } finally {
      await rm(directory, { recursive: true, force: true })
    }
  })

  interface SceneOptions {
    readonly bytesPerSecond: number | null
    readonly position?: ScrubPosition
    readonly recordsFail?: string
  }

  /** A scrubber of layers with blocks of 1 MiB, whose checks are noted with their time. */
  function setUp({ bytesPerSecond, position, recordsFail }: SceneOptions) {
    const clock = new ManualClock()
    const { logger, codes } = recordingLogger()
    const layers: Pick<StoredLayer, 'manifest' | 'verify' | 'present'>[] = []
    const checks: string[] = []
    const bad: string[] = []
    let looks = 0
    let recorded = position
    const fail = () => {
      if (recordsFail !== undefined) throw Object.assign(new Error(recordsFail), { code: recordsFail })
    }
    const scrubber = new Scrubber(
      {
        layers: () => {
          looks += 1
          return layers
        },
        onBad: (digest, badBlocks) => bad.push(...badBlocks.map((block) => `${nameOf(digest)}: ${block}`)),
        records: {
          get: async () => {
            fail()
            return recorded
          },
          set: async (position) => {
            fail()
            recorded = position
          },
        },
        clock,
        logger,
      },
      { bytesPerSecond },
    )
    interface Fake {
      readonly blocks: number
      readonly present?: readonly number[]
      readonly bad?: readonly number[]
      readonly onVerify?: () => Promise<void>
    }
    const add = (name: string, fake: Fake) => {
      const manifest = manifestOf(name, fake.blocks)
      const present = new Bitfield(blockCount(manifest))
      for (const block of fake.present ?? present.zeros()) present.set(block)
      const verify = async ({ range, signal }: VerifyOptions = {}) => {
        const { firstBlock = 0, blocks = 0 } = range ?? {}
        checks.push(`${clock.now() / 1000} s: ${name} ${firstBlock}+${blocks}`)
        const aborted = new Promise<never>((_, reject) => {
          signal?.addEventListener('abort', () => reject(signal.reason))
        })
        await Promise.race([fake.onVerify?.(), aborted])
        const badBlocks = (fake.bad ?? []).filter((block) => block >= firstBlock && block < firstBlock + blocks)
        return { checkedBlocks: blocks, badBlocks, digestMatches: null }
      }
      layers.push({ manifest, present, verify })
    }
    /** Runs the scrubber for so many seconds more. */
    let isRunning = false
    const pass = async (seconds: number) => {
      if (!isRunning) loops.push(scrubber.run({ signal: stop.signal }))
      isRunning = true
      await settle()
      for (let second = 0; second < seconds; second += 1) {
        clock.advance(1000)
        await settle()
      }
    }
    return { scrubber, clock, codes, checks, bad, add, pass, looks: () => looks, position: () => recorded }
  }
})

/** Until everything waits for the clock. */
function settle(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}

function digest(name: string): Digest {
  return `sha256:${name.repeat(64)}`
}

function nameOf(digest: Digest): string {
  return digest.slice('sha256:'.length, 'sha256:'.length + 1)
}

function manifestOf(name: string, blocks: number): Manifest {
  return {
    digest: digest(name),
    parent: null,
    kind: 'base',
    format: 'raw',
    sizeBytes: blocks * MIB,
    virtualSizeBytes: blocks * MIB,
    blockLengthBytes: MIB,
    pieceLengthBytes: MIB,
    createdAt: 0,
    infoHash: '0'.repeat(40),
    blockHashes: new Uint8Array(),
  }
}
