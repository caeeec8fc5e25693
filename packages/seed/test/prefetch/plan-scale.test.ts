import assert from 'node:assert/strict'
import { it } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'
import { openFleet } from './simulated-fleet.ts'

const NODES = 2000
const LAYERS = 5
/** What requests may have to wait for at most, and what making the plan may cost. Milliseconds of a core: other processes do not count. */
const MOST_MS = 300
const MADE_MS = 5000
const LARGE = 1e9

it('a plan of 2,000 nodes and five layers is made in seconds, in which the event loop is never held up for long', async (t) => {
  const fleet = await openFleet(t)
  const names = Array.from({ length: NODES }, (_, index) => `node-${String(index).padStart(4, '0')}`)
  for (const [index, name] of names.entries()) await fleet.addNodes([name], { rack: `r${index % 50}` })
  const numbers = Array.from({ length: LAYERS }, (_, index) => index + 1)
  for (const number of numbers) await fleet.addImage(`image-${number}`, [number], { sizeBytes: LARGE })
  // The planner's thread and the code that plans are there already, as in a seed that has planned before.
  await fleet.plans.tryOut({ images: [{ image: 'image-1', nodes: names.slice(0, 1) }] })

  const most = async (what: string, task: () => Promise<unknown>) => {
    const begin = process.cpuUsage()
    const [, heldUpMs] = await watched(task)
    const { user, system } = process.cpuUsage(begin)
    const tookMs = (user + system) / 1000
    t.diagnostic(`${what}: ${tookMs.toFixed(0)} ms, held up for ${heldUpMs.toFixed(0)} ms`)
    return { tookMs, heldUpMs }
  }
  const measured = [
    await most('made', () => fleet.start({ images: numbers.map((n) => ({ image: `image-${n}`, all: true })) })),
  ]
  const [plan] = fleet.reader.list()
  const params = plan?.id ?? ''
  assert.equal(Object.keys(fleet.claims(params)).length, NODES)
  const limits = { bytesPerSecond: 1_000_000_000 }
  measured.push(
    await most('changed', () => fleet.plans.change(params, { priority: 70, limits })),
    await most('looked at', async () => {
      fleet.clock.advance(2000)
      await fleet.runs.tick()
    }),
    await most('shown', async () => fleet.show(params)),
    await most('its nodes shown', () => fleet.reader.nodes(params)),
    await most('cancelled', () => fleet.plans.cancel(params, { drops: true })),
  )
  assert.deepEqual(fleet.claims(params), {})
  assert.ok((measured[0]?.tookMs ?? 0) < MADE_MS)
  assert.ok(
    measured.every(({ heldUpMs }) => heldUpMs < MOST_MS),
    JSON.stringify(measured),
  )
})

/** Does a task, and measures what the longest turn of the event loop costs meanwhile: milliseconds of this thread on a core. */
async function watched<T>(task: () => Promise<T>): Promise<[T, number]> {
  let [isOver, longestMs, before] = [false, 0, threadMs()]
  const watching = (async () => {
    while (!isOver) {
      await turn()
      const now = threadMs()
      longestMs = Math.max(longestMs, now - before)
      before = now
    }
  })()
  const result = await task()
  // One more turn, so that the last part of the task counts too.
  await turn()
  isOver = true
  await watching
  return [result, longestMs]
}

function threadMs(): number {
  const { user, system } = process.threadCpuUsage()
  return (user + system) / 1000
}
