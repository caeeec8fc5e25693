import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Logger, ManualClock, silentLogger } from '@shoal/core'
import { BackgroundWork } from '../src/background-work.ts'

test('a task recurs after each pause, also when it failed, until all work ends', async () => {
  const clock = new ManualClock()
  const failures: unknown[] = []
  const logger: Logger = { ...silentLogger, error: (fields: object) => void failures.push(fields) }
  const work = new BackgroundWork({ clock, logger })
  let times = 0
  let begun = Promise.withResolvers<void>()
  work.every(1000, async () => {
    times += 1
    begun.resolve()
    if (times === 2) throw new Error('once')
  })
  for (const expected of [1, 2, 3]) {
    begun = Promise.withResolvers()
    clock.advance(1000)
    await begun.promise
    assert.equal(times, expected)
    // Its end comes before the next pause begins.
    await new Promise(setImmediate)
  }
  assert.deepEqual(failures, [{ reason: 'once' }])
  await work.stop()
  clock.advance(10_000)
  assert.equal(times, 3)
})

test('the end waits for the loops of all parts', async () => {
  const work = new BackgroundWork({ clock: new ManualClock(), logger: silentLogger })
  const ended: string[] = []
  const part = (name: string) => ({
    run: async ({ signal }: { signal: AbortSignal }) => {
      await new Promise((resolve) => signal.addEventListener('abort', resolve))
      ended.push(name)
    },
  })
  for (const each of [part('one'), undefined, part('two')]) work.run(each)
  assert.deepEqual(ended, [])
  await work.stop()
  assert.deepEqual(ended, ['one', 'two'])
})
