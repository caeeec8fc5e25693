import { createServer } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { createClient } from '@shoal/api'
import { Latencies } from './latencies.ts'
import { type SimulatedLayer, SimulatedNode } from './simulated-node.ts'

// A process of its own, so that what the nodes cost is not counted as the seed's: told what to do by its parent.

export interface FleetOrder {
  readonly url: string
  readonly token: string
  readonly nodes: number
  readonly heartbeatMs: number
  readonly fetchMs: number
  readonly layers: readonly SimulatedLayer[]
  readonly bootsANode: number
  /** Whether each node holds the stream open on which it is told of changes. Default: false. */
  readonly streams?: boolean
  /** A tracker to which each node announces each layer, as often as it says. Default: none. */
  readonly announceUrl?: string
}

const NODES_A_RACK = 40
const RACKS_A_ZONE = 10
const AT_ONCE = 16
const FIRST_ANNOUNCES_MS = 10_000
const RETRY_SECONDS = 10

process.once('message', (order: FleetOrder) => void run(order))

async function run(order: FleetOrder): Promise<void> {
  const { url, token, nodes, heartbeatMs, fetchMs, layers } = order
  // All of them answer at one address: the seed looks whether it can connect.
  const server = createServer((socket) => socket.on('error', () => {}).end())
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  const swarmAddress = `127.0.0.1:${typeof address === 'object' ? address?.port : 0}`
  const client = createClient({ baseUrl: url, token })
  const fleet = Array.from({ length: nodes }, (_, index) => {
    const rack = Math.floor(index / NODES_A_RACK)
    const place = { rack: `r${rack + 1}`, zone: `z${Math.floor(rack / RACKS_A_ZONE) + 1}` }
    const own = { index, swarmAddress, layers, fetchMs, boots: order.bootsANode }
    return new SimulatedNode(client, { ...own, ...place })
  })
  const waiting = [...fleet]
  await Promise.all(
    Array.from({ length: AT_ONCE }, async () => {
      for (let node = waiting.pop(); node !== undefined; node = waiting.pop()) await node.register()
    }),
  )
  const latencies = new Latencies()
  process.on('message', () => process.send?.(latencies.take()))
  if (order.streams === true) for (const node of fleet) void node.watch()
  process.send?.('registered')
  const { announceUrl } = order
  if (announceUrl !== undefined) {
    for (const node of fleet) for (const layer of layers) void announceForEver(node, layer, announceUrl, latencies)
  }
  await Promise.all(
    fleet.map(async (node, index) => {
      await sleep((index / nodes) * heartbeatMs)
      for (;;) {
        const begin = Date.now()
        await latencies.time('heartbeat', () => node.beat())
        await sleep(Math.max(0, heartbeatMs - (Date.now() - begin)))
      }
    }),
  )
}

async function announceForEver(
  node: SimulatedNode,
  layer: SimulatedLayer,
  url: string,
  latencies: Latencies,
): Promise<void> {
  await sleep(Math.random() * FIRST_ANNOUNCES_MS)
  for (;;) {
    const seconds = await latencies.time('announce', () => node.announce(layer, url))
    await sleep((seconds ?? RETRY_SECONDS) * 1000)
  }
}
