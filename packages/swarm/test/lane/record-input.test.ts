import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { test } from 'node:test'
import { BLOCK_HEADROOM_BYTES, type BlockBuffer, BlockBuffers } from '@shoal/core'
import fc from 'fast-check'
import { RecordSealer } from '../../src/auth/record-sealer.ts'
import { BlockIntake } from '../../src/lane/block-intake.ts'
import { FRAME, HEADER_BYTES } from '../../src/lane/frame.ts'
import { LaneReceiver } from '../../src/lane/lane-receiver.ts'
import { RecordInput } from '../../src/lane/record-input.ts'
import { encodeFrame } from './raw-lane.ts'

const BLOCK = 256 * 1024
const LEFT_CHANNEL = 7
const data = randomBytes(8 * BLOCK)
const newKey = () => ({ key: randomBytes(32), iv: randomBytes(12) })

const bytesOf = (block: number) => data.subarray(block * BLOCK, (block + 1) * BLOCK)
const part = (block: number, { from = 0, to = BLOCK, channel = 0 } = {}) => ({
  ...{ type: FRAME.block, channel, a: block, b: from },
  payload: bytesOf(block).subarray(from, to),
})
const HAVE = { type: FRAME.have, payload: Buffer.from([0, 0, 0, 7]) }

/** The frames of a source as it seals them. */
class SealingSource {
  readonly #sealer: RecordSealer

  constructor(key: { key: Buffer; iv: Buffer }) {
    this.#sealer = new RecordSealer(key)
  }

  /** A frame, or the header of a BLOCK and its payload. */
  frame(frame: Parameters<typeof encodeFrame>[0]): Buffer {
    const bytes = encodeFrame(frame)
    if (frame.type !== FRAME.block) return this.record(bytes)
    return Buffer.concat([this.record(bytes.subarray(0, HEADER_BYTES)), this.payload(bytes.subarray(HEADER_BYTES))])
  }

  record(bytes: Uint8Array): Buffer {
    return Buffer.concat(this.#sealer.seal(bytes) ?? assert.fail('the key is used up'))
  }

  payload(bytes: Uint8Array): Buffer {
    return Buffer.concat(this.#sealer.sealPayload(bytes)?.parts ?? assert.fail('the key is used up'))
  }
}

/** The receiving end, with so many buffers; blocks are compared with what they have to be. */
class Receiving {
  readonly input: RecordInput
  readonly buffers: BlockBuffers
  readonly receiver: LaneReceiver
  readonly blocks: number[] = []
  readonly held: BlockBuffer[] = []
  haves = 0
  bytes = 0
  isBroken = false
  #isPaused = false

  constructor(key: { key: Buffer; iv: Buffer }, count = 8) {
    this.buffers = new BlockBuffers({ count })
    this.receiver = new LaneReceiver(new BlockIntake(this.buffers), {
      onBlock: ({ a: block }) => ({
        ...{ length: BLOCK, isUrgent: false, isTaken: true },
        onBytes: (bytes) => {
          this.bytes += bytes
        },
        onWhole: (buffer) => this.#onWhole(block, buffer),
      }),
      isLeft: (channel) => channel === LEFT_CHANNEL,
      onControl: () => {
        this.haves += 1
        return true
      },
      onBroken: () => {
        this.isBroken = true
      },
    })
    this.input = new RecordInput(this.receiver, key)
    this.receiver.attach({
      resume: () => {
        this.#isPaused = false
        if (!this.input.resume()) this.isBroken = true
      },
    })
  }

  /** As a socket would, so many bytes at a time; a buffer is given back only when the receiver waits for one. False when refused. */
  read(bytes: Buffer, sizes: readonly number[]): boolean {
    for (let at = 0, turn = 0; at < bytes.length && !this.isBroken; turn += 1) {
      if (this.#isPaused || !this.receiver.wantsMore) {
        this.held.shift()?.release()
        if (this.held.length === 0 && !this.receiver.wantsMore) return false
        continue
      }
      const target = this.input.target()
      const some = bytes.subarray(at, at + Math.min(target.length, sizes[turn % sizes.length] ?? 1))
      target.set(some)
      at += some.length
      if (!this.input.took(some.length, target)) return false
      this.#isPaused = !this.receiver.wantsMore
    }
    while (this.#isPaused && this.held.length > 0) this.held.shift()?.release()
    return !this.isBroken
  }

  close(): void {
    this.receiver.close()
    for (const buffer of this.held) buffer.release()
    assert.equal(this.buffers.usedCount, 0)
  }

  #onWhole(block: number, buffer: BlockBuffer | undefined): void {
    this.blocks.push(block)
    if (buffer === undefined) return
    assert.ok(buffer.bytes.subarray(BLOCK_HEADROOM_BYTES, BLOCK_HEADROOM_BYTES + BLOCK).equals(bytesOf(block)))
    this.held.push(buffer)
  }
}

test('blocks come whole out of their records, however these are cut, also while some wait for buffers', () => {
  const sizes = fc.array(fc.oneof(fc.integer({ min: 1, max: 4000 }), fc.integer({ min: 2000, max: 300_000 })), {
    ...{ minLength: 1, maxLength: 6 },
  })
  fc.assert(
    fc.property(sizes, fc.integer({ min: 4, max: 8 }), (cuts, buffers) => {
      const key = newKey()
      const source = new SealingSource(key)
      const sealed = Buffer.concat([
        ...[HAVE, part(0), part(1), HAVE].map((frame) => source.frame(frame)),
        // What nobody wants any more, and what a slow source sends in slices.
        ...[part(2, { channel: LEFT_CHANNEL }), part(3, { to: 1 })].map((frame) => source.frame(frame)),
        ...[HAVE, part(3, { from: 1, to: 70_000 }), part(3, { from: 70_000 })].map((frame) => source.frame(frame)),
        ...[part(4), part(5), part(6), part(7), HAVE].map((frame) => source.frame(frame)),
      ])
      const receiving = new Receiving(key, buffers)
      // A byte at a time would take seconds.
      const least = Math.max(...cuts) < 100 ? [1, 5000] : []
      assert.ok(receiving.read(sealed, [...cuts, ...least]))
      assert.deepEqual(receiving.blocks, [0, 1, 3, 4, 5, 6, 7])
      assert.deepEqual([receiving.haves, receiving.bytes, receiving.input.isMidRecord], [4, 7 * BLOCK, false])
      receiving.close()
    }),
    { numRuns: 25 },
  )
})

test('a payload that was changed, cut short, or is another one is told to nobody as a block', () => {
  const whole = (key: { key: Buffer; iv: Buffer }) => new SealingSource(key).frame(part(0))
  const payloadAt = 4 + HEADER_BYTES + 16
  const lies: Record<string, (key: { key: Buffer; iv: Buffer }) => Buffer> = {
    'a changed header': (key) => flip(whole(key), 4),
    'a changed length': (key) => flip(whole(key), payloadAt + 3),
    'a changed first byte': (key) => flip(whole(key), payloadAt + 4),
    'a changed last byte': (key) => flip(whole(key), payloadAt + 4 + BLOCK - 1),
    'a changed tag': (key) => flip(whole(key), payloadAt + 4 + BLOCK + 15),
    'the payload of another key': (key) => {
      const other = new SealingSource(newKey())
      other.frame(HAVE)
      return Buffer.concat([whole(key).subarray(0, payloadAt), other.payload(bytesOf(0))])
    },
    'the same record again': (key) => Buffer.concat([whole(key), whole(key).subarray(0, payloadAt)]),
    'a payload of another length': (key) => {
      const source = new SealingSource(key)
      const header = source.record(encodeFrame(part(0)).subarray(0, HEADER_BYTES))
      return Buffer.concat([header, source.payload(bytesOf(0).subarray(1)), Buffer.alloc(100)])
    },
    'a frame where payload is due': (key) => {
      const source = new SealingSource(key)
      const header = source.record(encodeFrame(part(0)).subarray(0, HEADER_BYTES))
      return Buffer.concat([header, source.frame(HAVE)])
    },
    'payload where a frame is due': (key) => new SealingSource(key).payload(bytesOf(0)),
  }
  for (const [name, make] of Object.entries(lies)) {
    const key = newKey()
    const receiving = new Receiving(key)
    assert.equal(receiving.read(make(key), [100_000]), false, name)
    assert.deepEqual(receiving.blocks, name === 'the same record again' ? [0] : [], name)
    receiving.close()
  }
})

test('the rest of a payload is due until its tag is here, and the block is not whole before', () => {
  const key = newKey()
  const sealed = new SealingSource(key).frame(part(0))
  const receiving = new Receiving(key)
  assert.ok(receiving.read(sealed.subarray(0, -1), [300_000]))
  assert.deepEqual([receiving.input.isMidRecord, receiving.receiver.isMidBlock, receiving.blocks], [true, true, []])
  assert.ok(receiving.read(sealed.subarray(-1), [1]))
  assert.deepEqual([receiving.input.isMidRecord, receiving.receiver.isMidBlock, receiving.blocks], [false, false, [0]])
  receiving.close()
})

function flip(bytes: Buffer, at: number): Buffer {
  bytes[at] = (bytes[at] ?? 0) ^ 1
  return bytes
}
