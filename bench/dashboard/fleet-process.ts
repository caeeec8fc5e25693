import { createServer } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { createClient } from '@shoal/api'
import { Latencies } from './latencies.ts'
import type { SimulatedLayer } from './made-up-inventory.ts'
import { placeOf, SimulatedNode } from './simulated-node.ts'

// A process of its own, so that what the nodes cost is not counted as the seed's: told what to do by its parent.

export interface FleetOrder {
  readonly url: string
  readonly token: string
  readonly nodes: number
  readonly heartbeatMs: number
  readonly fetchMs: number
  readonly layers: readonly SimulatedLayer[]
  readonly bootsANode: number
}

const AT_ONCE = 16

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
    const own = { index, swarmAddress, layers, fetchMs, boots: order.bootsANode }
    return new SimulatedNode(client, { ...own, ...placeOf(index) })
  })
  const waiting = [...fleet]
  await Promise.all(
    Array.from({ length: AT_ONCE }, async () => {
      for (let node = waiting.pop(); node !== undefined; node = waiting.pop()) await node.register()
    }),
  )
  const latencies = new Latencies()
  process.on('message', () => process.send?.(latencies.take()))
  process.send?.('registered')
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
