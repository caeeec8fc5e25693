import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { footprint, openLoad } from '../../bench/load/measure-load.ts'

const MINUTES = Number(process.env.SHOAL_SOAK_MINUTES ?? 30)
const NODES = Number(process.env.SHOAL_SOAK_NODES ?? 2000)
const SAMPLES = 60
/** Medians of the first third and the last: what a garbage collector leaves differs by so much from one moment to the next. */
const MOST_GROWTH = 1.1

test(`a seed with ${NODES} nodes takes no more memory and descriptors after ${MINUTES} minutes`, async (t) => {
  await using stack = new AsyncDisposableStack()
  const { seed, latencies } = await openLoad(stack, NODES)
  const warmUpMs = (MINUTES * 60_000) / 6
  await sleep(warmUpMs)
  await latencies()
  const samples: { rssMiB: number; descriptors: number }[] = []
  for (let sample = 0; sample < SAMPLES; sample += 1) {
    // How long it runs is what this is about.
    await sleep((MINUTES * 60_000 - warmUpMs) / SAMPLES)
    samples.push(await footprint(seed.pid))
    if (sample % 10 === 0) console.error(JSON.stringify(samples.at(-1)))
  }
  const third = SAMPLES / 3
  const growth = (of: (sample: { rssMiB: number; descriptors: number }) => number) => {
    return median(samples.slice(-third).map(of)) / median(samples.slice(0, third).map(of))
  }
  const report = { memory: growth(({ rssMiB }) => rssMiB), descriptors: growth(({ descriptors }) => descriptors) }
  const seen = await latencies()
  t.diagnostic(JSON.stringify({ ...report, last: samples.at(-1), latencies: seen }))
  assert.ok(report.memory <= MOST_GROWTH, `memory grew ${report.memory} times: ${JSON.stringify(samples)}`)
  assert.ok(report.descriptors <= MOST_GROWTH, `descriptors grew ${report.descriptors} times`)
  for (const [kind, { count, failed }] of Object.entries(seen))
    assert.ok(failed * 1000 <= count, `${failed} of ${count}: ${kind}`)
})

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0
}
