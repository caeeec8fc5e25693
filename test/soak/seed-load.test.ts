import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { EventReaders } from '../../bench/load/event-readers.ts'
import { growthOf } from '../../bench/load/growth.ts'
import { InspectedProcess } from '../../bench/load/inspect-process.ts'
import { openLoad } from '../../bench/load/load-ground.ts'
import { footprint } from '../../bench/load/measure-load.ts'
import { until } from '../harness/until.ts'

const MINUTES = Number(process.env.SHOAL_SOAK_MINUTES ?? 30)
const NODES = Number(process.env.SHOAL_SOAK_NODES ?? 2000)
const RESULT = join(import.meta.dirname, '../../bench/results/seed-load-soak.json')
const MINUTE_MS = 60_000
const READERS = 10
const MIB = 1024 ** 2
/** Caches and tables are full by then. */
const WARM_UP_SHARE = 1 / 3
/**
 * From the end of the warm-up to the end: what lives on the heap; what the kernel counts, in which the allocator's holes are; and descriptors, most of which are
 * connections that nodes hold open, a third one where two requests of a node met in the last minute.
 */
const MOST_GROWTH = { heap: 0.05, memory: 0.1, descriptors: 0.1 }
/** Files, listeners and the like: what a seed has open that nobody talks to. */
const MOST_OF_ITS_OWN = 64
const LEAVE_LIMIT_MS = 60_000

interface Row {
  readonly minute: number
  readonly rssMiB: number
  /** After all garbage was collected. */
  readonly heapMiB: number
  readonly descriptors: number
}

test(`a seed with ${NODES} nodes takes no more memory and descriptors after ${MINUTES} minutes`, async (t) => {
  await using stack = new AsyncDisposableStack()
  const ground = await openLoad(stack, { nodes: NODES, security: 'certificates', isInspectable: true })
  const { seed, token, host, latencies } = ground
  const readers = stack.use(new EventReaders({ url: seed.url, token, readers: READERS }))
  using inspected = await InspectedProcess.open(seed.pid, host)
  const rows: Row[] = []
  const begin = performance.now()
  for (let minute = 1; minute <= MINUTES; minute += 1) {
    // How long it runs is what this is about.
    await sleep(begin + minute * MINUTE_MS - performance.now())
    if (minute === Math.ceil(MINUTES * WARM_UP_SHARE)) await latencies()
    const { rssMiB, descriptors } = await footprint(seed.pid)
    rows.push({ minute, rssMiB, heapMiB: (await inspected.usedHeapBytes()) / MIB, descriptors })
    console.error(JSON.stringify(rows.at(-1)))
  }
  const settled = rows.slice(Math.floor(rows.length * WARM_UP_SHARE))
  const growth = (of: (row: Row) => number) => growthOf(settled.map((row) => ({ minutes: row.minute, value: of(row) })))
  const found = {
    heap: growth(({ heapMiB }) => heapMiB),
    memory: growth(({ rssMiB }) => rssMiB),
    descriptors: growth(({ descriptors }) => descriptors),
  }
  const seen = await latencies()
  inspected[Symbol.dispose]()
  await readers[Symbol.asyncDispose]()
  await ground.leave()
  const left = await until(
    'no connection of a node is left',
    async () => {
      const { descriptors } = await footprint(seed.pid)
      return descriptors <= MOST_OF_ITS_OWN && descriptors
    },
    { timeoutMs: LEAVE_LIMIT_MS, everyMs: 500 },
  )
  t.diagnostic(JSON.stringify({ ...found, descriptorsLeft: left, latencies: seen }))
  const figures = { minutes: MINUTES, nodes: NODES, growth: found, descriptorsLeft: left, latencies: seen }
  const lines = rows.map((row) => `    ${JSON.stringify(row)}`).join(',\n')
  const head = JSON.stringify({ test: 'seed-load', figures }, null, 2)
  await writeFile(RESULT, `${head.slice(0, -2)},\n  "rows": [\n${lines}\n  ]\n}\n`)
  for (const [what, most] of Object.entries(MOST_GROWTH)) {
    const grew = found[what as keyof typeof found]
    assert.ok(grew <= most, `${what} grew by ${(grew * 100).toFixed(1)} %: ${JSON.stringify(rows)}`)
  }
  for (const [kind, { count, failed }] of Object.entries(seen))
    assert.ok(failed * 1000 <= count, `${failed} of ${count}: ${kind}`)
})
