import { deepEqual } from 'node:assert/strict'
import { test } from 'node:test'
import { ManualClock } from '@shoal/core'
import { BootMoments } from '../../src/boot/boot-moments.ts'

const KIB = 1024
const START = 1_000_000

function start() {
  const clock = new ManualClock(START)
  const told: string[] = []
  const moments = new BootMoments({
    clock,
    onFirstRead: (atMs) => void told.push(`first ${(atMs - START) / 1000}`),
    onBooted: (atMs) => void told.push(`booted ${(atMs - START) / 1000}`),
  })
  const read = (bytes: number) => moments.onRead(bytes, clock.now())
  const wait = async (seconds: number) => {
    for (let second = 0; second < seconds; second += 1) {
      clock.advance(1000)
      await new Promise<void>((resolve) => setImmediate(resolve))
    }
  }
  return { told, moments, read, wait }
}

test('a machine has booted with its last read before it was quiet, which is told once', async () => {
  const { told, read, wait } = start()
  await wait(2)
  for (let second = 0; second < 20; second += 1) {
    read(64 * KIB)
    await wait(1)
  }
  deepEqual(told, ['first 2'])
  await wait(40)
  deepEqual(told, ['first 2', 'booted 21'])
  read(1024 * KIB)
  await wait(60)
  deepEqual(told, ['first 2', 'booted 21'])
})

test('a look at the disk is no boot: the boot begins with the first read after it', async () => {
  const { told, read, wait } = start()
  read(4 * KIB)
  await wait(100)
  read(512 * KIB)
  await wait(40)
  deepEqual(told, ['first 0', 'first 100', 'booted 100'])
})

test('of one that never stops reading, or whose disk is served no more, nobody knows', async () => {
  const busy = start()
  for (let second = 0; second < 300; second += 1) {
    busy.read(64 * KIB)
    await busy.wait(1)
  }
  await busy.wait(60)
  deepEqual(busy.told, ['first 0'])
  const gone = start()
  gone.read(512 * KIB)
  gone.moments.end()
  await gone.wait(60)
  deepEqual(gone.told, ['first 0'])
})
