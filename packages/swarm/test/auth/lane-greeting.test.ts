import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { test } from 'node:test'
import fc from 'fast-check'
import {
  answerLane,
  decodeLaneGreeting,
  isGenuine,
  type LaneGreeting,
  LaneOpening,
} from '../../src/lane/lane-greeting.ts'

const token = randomBytes(32)
const own = { peerId: randomBytes(20).toString('hex'), node: 'n1', token, wantsSealed: false }

function greetingOf(bytes: Buffer): LaneGreeting {
  return decodeLaneGreeting(bytes) ?? assert.fail('no greeting')
}

test('both ends have the same keys, and the source’s only where something is sealed', () => {
  for (const [wantsSealed, isSealed] of [
    [false, false],
    [false, true],
    [true, true],
  ] as const) {
    const opening = new LaneOpening({ ...own, wantsSealed })
    const greeting = greetingOf(opening.greeting)
    assert.deepEqual([greeting.peerId, greeting.wantsSealed], [own.peerId, wantsSealed])
    assert.ok(isGenuine(greeting, token))
    const answered = answerLane(greeting, { token, isSealed }) ?? assert.fail('no answer')
    assert.deepEqual(opening.onAnswer(answered.answer), answered.keys)
    assert.equal(answered.keys.source !== undefined, isSealed)
  }
})

test('a client that wants payload sealed takes no answer that says otherwise', () => {
  const opening = new LaneOpening({ ...own, wantsSealed: true })
  const answered = answerLane(greetingOf(opening.greeting), { token, isSealed: false }) ?? assert.fail('no answer')
  assert.equal(opening.onAnswer(answered.answer), undefined)
  // Nor one that somebody on the way changed.
  answered.answer[1] = 1
  assert.equal(opening.onAnswer(answered.answer), undefined)
})

test('who has another token is refused by both ends', () => {
  const opening = new LaneOpening({ ...own, token: randomBytes(32) })
  const greeting = greetingOf(opening.greeting)
  assert.equal(isGenuine(greeting, token), false)
  const answered = answerLane(greeting, { token, isSealed: false }) ?? assert.fail('no answer')
  assert.equal(opening.onAnswer(answered.answer), undefined)
})

test('the same greeting again gives other keys', () => {
  const greeting = greetingOf(new LaneOpening(own).greeting)
  const keys = [1, 2].map(() => answerLane(greeting, { token, isSealed: true })?.keys)
  assert.notDeepEqual(keys[0], keys[1])
})

test('no byte of a greeting or an answer can be changed', () => {
  const opening = new LaneOpening(own)
  const answered = answerLane(greetingOf(opening.greeting), { token, isSealed: true }) ?? assert.fail('no answer')
  const changed = (bytes: Buffer, at: number) => {
    const copy = Buffer.from(bytes)
    copy[at] = (copy[at] ?? 0) ^ 1
    return copy
  }
  for (let at = 0; at < opening.greeting.length; at += 1) {
    const greeting = decodeLaneGreeting(changed(opening.greeting, at))
    assert.ok(greeting === undefined || !isGenuine(greeting, token), `byte ${at} of the greeting`)
  }
  for (let at = 0; at < answered.answer.length; at += 1) {
    assert.equal(opening.onAnswer(changed(answered.answer, at)), undefined, `byte ${at} of the answer`)
  }
  assert.deepEqual(opening.onAnswer(answered.answer), answered.keys)
})

test('any bytes are a greeting that is not genuine, or none; and no answer', () => {
  const opening = new LaneOpening(own)
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
      const greeting = decodeLaneGreeting(Buffer.from(bytes))
      assert.ok(greeting === undefined || !isGenuine(greeting, token))
      assert.equal(opening.onAnswer(Buffer.from(bytes)), undefined)
    }),
    { numRuns: 500 },
  )
})
