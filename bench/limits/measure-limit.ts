import { mkdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { BenchLayer } from '../engines/bench-layer.ts'
import { startBenchTracker } from '../engines/bench-tracker.ts'
import type { EngineRole } from '../engines/engine.ts'
import { shoal } from '../engines/shoal.ts'
import type { LimitClass } from './limit-class.ts'
import { OrderedNode } from './ordered-node.ts'
import { type RateFrom, sumCounts, worstWindowError } from './window-error.ts'

const WINDOW_MS = 10_000
const PORT = 6881
const TRACKER_PORT = 6969
const POLL_MS = 20

export interface LimitPlace {
  /** The first three numbers of addresses of its own. */
  readonly prefix: string
  readonly directory: string
  readonly layer: BenchLayer
}

/** How well one limit was kept, at one rate and then at another. Errors are shares of what any 10 s allowed. */
export interface LimitRun {
  readonly class: string
  readonly fromMBPerSecond: number
  readonly toMBPerSecond: number
  readonly worstOver: number
  readonly worstUnder: number
  readonly worstError: number
  readonly windows: number
}

/** Changes the rate after `seconds`, and ends after as many again. */
export async function measureLimit(
  { prefix, directory, layer: given }: LimitPlace,
  tested: LimitClass,
  options: { rates: readonly [number, number]; seconds: number },
): Promise<LimitRun> {
  await using stack = new AsyncDisposableStack()
  const parent = join(directory, tested.name)
  stack.defer(() => rm(parent, { recursive: true, force: true }))
  const host = `${prefix}.1`
  const tracker = stack.use(await startBenchTracker({ host, port: TRACKER_PORT }))
  const layer = { ...given, trackers: tracker.urls }
  const engine = shoal()
  let last = 1
  const start = async (role: EngineRole, rack: string | undefined, flags: readonly string[] = []) => {
    last += 1
    const node = new OrderedNode(flags)
    const place = {
      ...{ node: `node${last}`, host: `${prefix}.${last}`, port: PORT, directory: join(parent, `node${last}`) },
      ...{ launch: node.launch, rack, zone: rack === undefined ? undefined : 'zone' },
    }
    const holds = flags.includes('--holds')
    // One that holds the layer as a peer finds its file where a seed does.
    if (holds) {
      await mkdir(place.directory, { recursive: true })
      await layer.linkInto(place.directory)
    }
    const run = await (role === 'seed' ? engine.startSeed(place, layer) : engine.startPeer(place, layer))
    stack.defer(() => run.kill())
    tracker.introduce(run, place, role)
    return { node, run }
  }
  const { racks } = tested
  const sender = await (tested.sender === 'origin'
    ? start('seed', racks?.sender)
    : start('peer', racks?.sender, ['--holds']))
  const receivers = await Promise.all(Array.from({ length: tested.receivers }, () => start('peer', racks?.receivers)))
  const limited = tested.at === 'sender' ? [sender] : receivers
  const rates: RateFrom[] = []
  const setRate = async (bytesPerSecond: number) => {
    const moments = await Promise.all(limited.map(({ node }) => node.setRates({ [tested.limit]: bytesPerSecond })))
    rates.push({ atMs: Math.max(...moments), bytesPerSecond })
  }
  const [from, to] = options.rates
  await setRate(from)
  // Those without a limit are only asked to tell what they count.
  await Promise.all(
    [sender, ...receivers].filter((node) => !limited.includes(node)).map(({ node }) => node.setRates({})),
  )
  await sender.run.begin()
  await tracker.known(1)
  await Promise.all(receivers.map(({ run }) => run.begin()))
  const received = () =>
    receivers.map(({ node }) => node.samples.map((sample) => ({ atMs: sample.atMs, bytes: tested.received(sample) })))
  while (received().every((counts) => (counts.at(-1)?.bytes ?? 0) === 0)) await sleep(POLL_MS)
  await sleep(options.seconds * 1000)
  await setRate(to)
  await sleep(options.seconds * 1000)

  const { over, under, windows } = worstWindowError(sumCounts(received()), rates, WINDOW_MS)
  if (windows === 0) throw new Error(`${tested.name}: nothing was counted over ${WINDOW_MS / 1000} s`)
  return {
    ...{ class: tested.name, fromMBPerSecond: from / 1e6, toMBPerSecond: to / 1e6, windows },
    worstOver: round(over),
    worstUnder: round(under),
    worstError: round(Math.max(over, under)),
  }
}

function round(value: number): number {
  return Math.round(value * 10_000) / 10_000
}
