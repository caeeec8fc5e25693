import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { MAX_BOOT_PROFILE_CHARS } from '@shoal/api'
import { ManualClock, seededRandom } from '@shoal/core'
import { readBootProfile } from '@shoal/qcow2'
import { BootRecorder, type BootRecorderOptions } from '../../src/boot/recorder.ts'

const IMAGE = '00000000-0000-4000-8000-000000000001'
const MIB = 1024 ** 2
const MINUTE_MS = 60_000

function record(options: Partial<BootRecorderOptions> = {}) {
  const clock = new ManualClock(5000)
  const recorder = new BootRecorder(
    { clock },
    { recordedOn: IMAGE, virtualSizeBytes: 64 * MIB, minBytes: 1, ...options },
  )
  const read = (offset: number, length: number) => recorder.onRead(offset, length, clock.now())
  const result = async () => readBootProfile((await recorder.done) ?? assert.fail('nothing was recorded'))
  /** Lets it notice what its clock says. */
  const advance = async (deltaMs: number) => {
    clock.advance(deltaMs)
    await new Promise((resolve) => setImmediate(resolve))
  }
  return { clock, recorder, read, result, advance }
}

describe('a recorder of boots', () => {
  test('notes what is read in order, with the time since the first read', async () => {
    const { recorder, read, result, advance } = record()
    await advance(10 * MINUTE_MS)
    read(512, 4096)
    await advance(7)
    read(MIB, 512)
    read(8192, 512)
    await advance(1)
    read(512, 4096)
    recorder.end()
    assert.deepEqual(await result(), {
      recordedOn: IMAGE,
      virtualSizeBytes: 64 * MIB,
      reads: [
        { offset: 512, length: 4096, milliseconds: 0 },
        { offset: MIB, length: 512, milliseconds: 7 },
        { offset: 8192, length: 512, milliseconds: 7 },
        { offset: 512, length: 4096, milliseconds: 8 },
      ],
    })
  })

  test('is over when nothing was read for so long', async () => {
    const { recorder, read, result, advance } = record({ quietMs: 30_000 })
    read(0, 512)
    await advance(29_999)
    read(MIB, 512)
    await advance(29_999)
    assert.equal(recorder.isOver, false)
    await advance(1)
    assert.ok(recorder.isOver)
    read(2 * MIB, 512)
    assert.deepEqual((await result()).reads.length, 2)
  })

  test('is over when the time is up, however busy the machine is', async () => {
    const { recorder, read, result, advance } = record({ maxMs: 3 * MINUTE_MS })
    let reads = 0
    for (; !recorder.isOver && reads < 1000; reads += 1) {
      read((reads % 60) * MIB, 512)
      await advance(1000)
    }
    assert.equal(reads, 180)
    assert.equal((await result()).reads.length, 180)
  })

  test('what somebody reads who only looks at the disk is not taken for the boot', async () => {
    const { recorder, read, result, advance } = record({ minBytes: MIB })
    read(0, 4096)
    await advance(60 * MINUTE_MS)
    assert.equal(recorder.isOver, false)
    read(4096, MIB - 1)
    await advance(20_000)
    read(0, 512)
    await advance(MINUTE_MS)
    assert.ok(recorder.isOver)
    assert.deepEqual(
      (await result()).reads.map(({ offset, milliseconds }) => [offset, milliseconds]),
      [
        [4096, 0],
        [0, 20_000],
      ],
    )
    const looked = record({ minBytes: MIB })
    looked.read(0, 4096)
    looked.recorder.end()
    assert.equal(await looked.recorder.done, undefined)
  })

  test('gives nothing when it is cancelled', async () => {
    const { recorder, read } = record()
    read(0, MIB)
    recorder.cancel()
    assert.equal(await recorder.done, undefined)
    read(0, MIB)
    assert.ok(recorder.isOver)
  })

  test('gives nothing when nothing was read, however long nobody did', async () => {
    const { recorder, advance } = record()
    await advance(60 * MINUTE_MS)
    assert.equal(recorder.isOver, false)
    recorder.end()
    recorder.end()
    assert.equal(await recorder.done, undefined)
  })

  test('a read that goes on where the last ended is one with it, up to what a read may have', async () => {
    const { recorder, read, result } = record()
    for (let at = 0; at < 48; at += 1) read(at * MIB, MIB)
    read(0, 512)
    recorder.end()
    assert.deepEqual(
      (await result()).reads.map(({ offset, length }) => [offset / MIB, length]),
      [
        [0, 32 * MIB],
        [32, 16 * MIB],
        [0, 512],
      ],
    )
  })

  test('what no profile may hold is cut or left out', async () => {
    const { recorder, read, result } = record()
    read(64 * MIB - 512, 4096)
    read(64 * MIB, 512)
    read(10, 0)
    read(0, 40 * MIB)
    recorder.end()
    assert.deepEqual(
      (await result()).reads.map(({ offset, length }) => [offset, length]),
      [
        [64 * MIB - 512, 512],
        [0, 32 * MIB],
        [32 * MIB, 8 * MIB],
      ],
    )
  })

  test('reads that are told out of order keep the order in which they are told', async () => {
    const { recorder, result, clock } = record()
    recorder.onRead(0, 512, clock.now() + 10.4)
    recorder.onRead(MIB, 512, clock.now() + 3)
    recorder.onRead(2 * MIB, 512, clock.now() + 13.4)
    recorder.end()
    assert.deepEqual(
      (await result()).reads.map(({ milliseconds }) => milliseconds),
      [0, 0, 3],
    )
  })

  test('a machine that reads without end makes a profile that the seed takes', async () => {
    const { recorder, result, clock } = record({ virtualSizeBytes: 2 ** 44 })
    const random = seededRandom(3)
    let reads = 0
    for (; !recorder.isOver && reads < 200_000; reads += 1) {
      recorder.onRead(2 ** 43 + 512 * Math.floor(random() * 2 ** 30), 2 ** 25, clock.now() + reads)
    }
    assert.equal(reads, 60_000)
    assert.ok(((await recorder.done) ?? '').length <= MAX_BOOT_PROFILE_CHARS)
    assert.equal((await result()).reads.length, 60_000)
  })

  test('what could never be written is refused at once', () => {
    assert.throws(() => record({ recordedOn: 'something' }), { code: 'SHOAL_BOOT_PROFILE_HEADER' })
    assert.throws(() => record({ virtualSizeBytes: 0 }), { code: 'SHOAL_BOOT_PROFILE_HEADER' })
  })
})
