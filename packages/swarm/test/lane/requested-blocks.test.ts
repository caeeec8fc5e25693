import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { RequestedBlocks } from '../../src/lane/requested-blocks.ts'

/** A source by the rules: frames reach it and its answers return one by one, as the schedule says. */
class Source {
  readonly #waiting: number[] = []
  readonly toSource: { what: 'request' | 'cancel' | 'urge'; block: number }[] = []
  readonly toClient: { what: 'begin' | 'end' | 'reject'; block: number }[] = []

  take(): void {
    const frame = this.toSource.shift()
    if (frame === undefined) return
    const at = this.#waiting.indexOf(frame.block)
    if (frame.what === 'request') {
      assert.equal(at, -1, 'asked for twice')
      this.#waiting.push(frame.block)
    } else if (frame.what === 'cancel' && at >= 0) {
      this.#waiting.splice(at, 1)
      this.toClient.push({ what: 'reject', block: frame.block })
    }
  }

  answer(isThere: boolean): void {
    const block = this.#waiting.shift()
    if (block === undefined) return
    if (isThere) this.toClient.push({ what: 'begin', block }, { what: 'end', block })
    else this.toClient.push({ what: 'reject', block })
  }
}

test('whatever is asked for, taken back and asked for again, each block is heard of once and nothing is asked for twice', () => {
  const action = fc.record({
    what: fc.constantFrom('request', 'urgent', 'cancel', 'take', 'answer', 'refuse', 'hear', 'hear'),
    block: fc.nat(3),
  })
  fc.assert(
    fc.property(fc.array(action, { maxLength: 120 }), (actions) => {
      const requested = new RequestedBlocks()
      const source = new Source()
      /** What the user waits for. */
      const wanted = new Set<number>()
      const hear = () => {
        const answer = source.toClient.shift()
        if (answer === undefined) return
        const { what, block } = answer
        if (what === 'begin') assert.ok(requested.begin(block) !== undefined)
        else if (what === 'reject') {
          const isMissed = requested.reject(block)
          assert.ok(isMissed !== undefined)
          if (isMissed) assert.ok(wanted.delete(block))
        } else {
          const { isWanted, isRepeated } = requested.end(block)
          if (isWanted) assert.ok(wanted.delete(block))
          if (isRepeated) source.toSource.push({ what: 'cancel', block })
        }
        assert.equal(requested.count, wanted.size)
      }
      for (const { what, block } of actions) {
        if (what === 'request' || what === 'urgent') {
          const todo = requested.request(block, what === 'urgent')
          wanted.add(block)
          if (todo !== 'nothing') source.toSource.push({ what: todo, block })
        } else if (what === 'cancel') {
          wanted.delete(block)
          if (requested.cancel(block)) source.toSource.push({ what, block })
        } else if (what === 'take') source.take()
        else if (what === 'hear') hear()
        else source.answer(what === 'answer')
      }
      // In the end everything is answered.
      for (let n = 0; n < 300; n += 1) {
        source.take()
        source.answer(true)
        hear()
      }
      assert.deepEqual([...wanted], [])
      assert.equal(requested.begin(0), undefined)
    }),
    { numRuns: 2000 },
  )
})
