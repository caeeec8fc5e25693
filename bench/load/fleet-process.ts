import { createServer } from 'node:net'
import { join } from 'node:path'
import { DEFAULT_TRUST_DOMAIN, openAuthority } from '@shoal/trust'
import { Latencies, type LatencyReport } from '../dashboard/latencies.ts'
import type { MadeUpNode, SimulatedLayer } from '../dashboard/made-up-inventory.ts'
import { nodeNameOf, peerIdOf, placeOf } from '../dashboard/simulated-node.ts'
import { Announcer } from './announcer.ts'
import { linkByCertificate, linkByToken } from './load-link.ts'
import { LoadNode } from './load-node.ts'

// A process of its own, so that what the nodes cost is not counted as the seed's: told what to do by its parent.

export interface FleetOrder {
  /** Where nodes register. */
  readonly url: string
  readonly announceUrl: string
  /** The token of all nodes, or the state directory of the seed whose authority signs a certificate for each. */
  readonly known: { readonly token: string } | { readonly stateDirectory: string }
  readonly nodes: number
  readonly heartbeatMs: number
  readonly fetchMs: number
  readonly layers: readonly SimulatedLayer[]
}

/** What the parent asks for, and what it gets. */
export type FleetQuestion = 'latencies' | 'forget-served' | 'served'
export interface FleetAnswer {
  readonly latencies?: LatencyReport
  /** Nodes that were not served since that was to be forgotten, and when the last of the others was. */
  readonly unserved?: number
  readonly lastAt?: number
}

const AT_ONCE = 16
const NODES_A_SUBNET = 200

process.once('message', (order: FleetOrder) => void run(order))
process.once('disconnect', () => process.exit())

async function run(order: FleetOrder): Promise<void> {
  const { url, announceUrl, nodes, heartbeatMs, fetchMs, layers, known } = order
  // It goes on until the process is ended.
  const { signal } = new AbortController()
  // Every node answers at an address of its own: the seed looks whether it can connect.
  const server = createServer((socket) => socket.on('error', () => {}).end())
  await new Promise<void>((resolve) => server.listen(0, '0.0.0.0', resolve))
  const address = server.address()
  const port = typeof address === 'object' && address !== null ? address.port : 0
  const latencies = new Latencies()
  const link = await linker(url, known)
  const fleet = Array.from({ length: nodes }, (_, index) => {
    const host = hostOf(index)
    const node: MadeUpNode = { index, swarmAddress: `${host}:${port}`, layers, fetchMs, boots: 1, ...placeOf(index) }
    const { client, identity } = link(nodeNameOf(node))
    const announcer = new Announcer({ url: announceUrl, peerId: peerIdOf(node), host, port, identity })
    return { node: new LoadNode({ client, latencies }, { node, heartbeatMs }), announcer }
  })
  const waiting = [...fleet]
  const runs: Promise<void>[] = []
  await Promise.all(
    Array.from({ length: AT_ONCE }, async () => {
      for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
        const isDone = await next.node.register({ signal })
        runs.push(next.node.run({ signal, isDone }))
        for (const { infoHash } of layers) runs.push(next.announcer.run(infoHash, latencies, { signal }))
      }
    }),
  )
  process.on('message', (question: FleetQuestion) => process.send?.(answer(question)))
  const answer = (question: FleetQuestion): FleetAnswer => {
    if (question === 'latencies') return { latencies: latencies.take() }
    if (question === 'forget-served') for (const { node } of fleet) node.forgetServed()
    const times = fleet.flatMap(({ node }) => node.servedAt ?? [])
    return { unserved: fleet.length - times.length, lastAt: Math.max(...times) }
  }
  process.send?.({})
  await Promise.all(runs)
}

async function linker(url: string, known: FleetOrder['known']) {
  if ('token' in known) return () => linkByToken({ url, token: known.token })
  const authority = await openAuthority(join(known.stateDirectory, 'ca'), {
    domain: DEFAULT_TRUST_DOMAIN,
    now: Date.now(),
  })
  return (name: string) => linkByCertificate(name, { url, authority })
}

/** On the loopback network. */
function hostOf(index: number): string {
  return `127.100.${Math.floor(index / NODES_A_SUBNET)}.${(index % NODES_A_SUBNET) + 1}`
}
