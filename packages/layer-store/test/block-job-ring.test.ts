import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { BlockJobRing } from '../src/block-job-ring.ts'

describe('BlockJobRing', () => {
  test('carries every field of a job, and its result back', () => {
    const [pusher, runner] = ends()
    const job = { fd: 7, byteOffset: 2 ** 33 + 64, length: 262_144, position: 2 ** 44 - 1, hash: Buffer.alloc(32, 9) }
    pusher.push(job)
    const { hash, ...fields } = runner.next()
    assert.deepEqual({ ...fields, hash: Buffer.from(hash) }, job)
    runner.finish(-28)
    assert.deepEqual([...pusher.collect()], [-28])
    assert.deepEqual([...pusher.collect()], [])
  })

  test('tells of what finished once, until that was heard', () => {
    const [pusher, runner] = ends()
    const run = (result: number) => {
      runner.next()
      return runner.finish(result)
    }
    pusher.push(job(0))
    assert.equal(run(0), true)
    pusher.push(job(1))
    assert.equal(run(1), false)
    assert.deepEqual([...pusher.collect()], [0, 1])
    pusher.push(job(2))
    assert.equal(run(0), true)
  })

  test('tells of several together while there is more to run, but not of too many', () => {
    const [pusher, runner] = ends()
    for (let n = 0; n < 6; n += 1) pusher.push(job(n))
    const told = Array.from({ length: 6 }, () => {
      runner.next()
      const isTold = runner.finish(0)
      if (isTold) assert.notEqual([...pusher.collect()].length, 0)
      return isTold
    })
    assert.ok(told.indexOf(true) > 0 && told.indexOf(true) < 5)
    assert.equal(told[5], true)
  })

  test('whatever the order of pushing, running and collecting, each job is run once and its result comes in order', () => {
    const step = fc.record({
      what: fc.constantFrom('push' as const, 'run' as const, 'collect' as const),
      n: fc.nat({ max: 200 }),
    })
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
        const [pusher, runner] = ends()
        let [pushed, run, collected] = [0, 0, 0]
        for (const { what, n } of steps) {
          for (let i = 0; what === 'push' && i < n && !pusher.isFull; i += 1) pusher.push(job(pushed++))
          for (let i = 0; what === 'run' && i < n && run < pushed; i += 1) {
            assert.equal(runner.next().position, run)
            runner.finish(-run)
            run += 1
          }
          if (what === 'collect') for (const result of pusher.collect()) assert.equal(result, -collected++ | 0)
          assert.equal(pusher.isFull, pushed - collected === 256)
        }
      }),
    )
  })
})

/** The two ends of a ring, which in the service are in two threads. */
function ends(): [BlockJobRing, BlockJobRing] {
  const pusher = new BlockJobRing()
  return [pusher, new BlockJobRing(pusher.memory)]
}

function job(position: number) {
  return { fd: 1, byteOffset: 0, length: 1, position, hash: Buffer.alloc(32) }
}
