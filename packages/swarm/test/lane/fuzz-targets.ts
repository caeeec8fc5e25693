import { BlockBuffers, MAX_BLOCK_BYTES } from '@shoal/core'
import { type FuzzTarget, mustHold } from '@shoal/core/fuzz'
import { RecordSealer } from '../../src/auth/record-sealer.ts'
import { BlockIntake } from '../../src/lane/block-intake.ts'
import { FRAME } from '../../src/lane/frame.ts'
import { LaneReceiver } from '../../src/lane/lane-receiver.ts'
import { RecordInput } from '../../src/lane/record-input.ts'
import { encodeFrame } from './raw-lane.ts'

const KEY = { key: Buffer.alloc(32, 7), iv: Buffer.alloc(12, 8) }
const PAYLOAD = 0x80
const PAYLOAD_BYTES = Buffer.alloc(32, 3)

/** A record of an input: whether it is payload's and how long it is, in a byte, then what it holds. */
const record = (bytes: Buffer, kind = 0) => Buffer.concat([Buffer.from([kind | bytes.length]), bytes])
const block = encodeFrame({ type: FRAME.block, payload: PAYLOAD_BYTES })
const BLOCK = [record(block.subarray(0, 16)), record(PAYLOAD_BYTES, PAYLOAD)]
const HAVE = record(encodeFrame({ type: FRAME.have, payload: Buffer.alloc(8) }))

/** What a source that has proven who it is may seal, good or bad: the input says what its records hold. */
export function laneRecordsTarget(): FuzzTarget {
  const buffers = new BlockBuffers({ count: 2 })
  const intake = new BlockIntake(buffers)
  return {
    name: 'lane-records-from-source',
    corpus: [Buffer.concat([HAVE, ...BLOCK, HAVE]), Buffer.concat([...BLOCK, ...BLOCK]), record(block)],
    execute: (input) => {
      let isBroken = false
      const receiver = new LaneReceiver(intake, {
        onBlock: ({ length, a }) => ({
          ...{ length: a === 0 ? length : PAYLOAD_BYTES.length, isUrgent: false, isTaken: true, onBytes: () => {} },
          onWhole: (buffer) => {
            mustHold(buffer !== undefined, 'a block without its buffer')
            buffer?.release()
          },
        }),
        isLeft: (channel) => channel === 7,
        onControl: (header, payload) => {
          mustHold(header.length === payload.length, 'a payload of another length')
          return true
        },
        // As the lane does.
        onBroken: () => {
          isBroken = true
          receiver.close()
        },
      })
      const records = new RecordInput(receiver, KEY)
      const sealed = sealAll(input)
      for (let at = 0; at < sealed.length && receiver.wantsMore && !isBroken; ) {
        const target = records.target()
        mustHold(target.length > 0, 'a read of nothing')
        mustHold(target.length <= MAX_BLOCK_BYTES, 'a read beyond a block')
        const some = sealed.subarray(at, at + Math.min(target.length, 1 + (input[at % input.length] ?? 0)))
        target.set(some)
        at += some.length
        isBroken ||= !records.took(some.length, target)
      }
      receiver.close()
      mustHold(buffers.usedCount === 0, 'a buffer is lost')
      return !isBroken
    },
  }
}

function sealAll(input: Buffer): Buffer {
  const sealer = new RecordSealer(KEY)
  const records: Buffer[] = []
  for (let at = 0; at < input.length; ) {
    const head = input[at] ?? 0
    const bytes = input.subarray(at + 1, at + 1 + (head & ~PAYLOAD))
    at += 1 + bytes.length
    if (bytes.length === 0) continue
    const parts = (head & PAYLOAD) === 0 ? sealer.seal(bytes) : sealer.sealPayload(bytes)?.parts
    records.push(...(parts ?? []))
  }
  return Buffer.concat(records)
}
