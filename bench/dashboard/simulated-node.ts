import type { Client, NodeRegistration } from '@shoal/api'
import { type MadeUpNode, madeUpInventory } from './made-up-inventory.ts'

const NODES_A_RACK = 40
const RACKS_A_ZONE = 10

/** A node that reports to the seed at its times, and moves no byte: what it tells is made up, but it changes as on a real one. */
export class SimulatedNode {
  readonly name: string
  readonly #client: Client
  readonly #options: MadeUpNode
  #startedAt = 0

  constructor(client: Client, options: MadeUpNode) {
    this.#client = client
    this.#options = options
    this.name = nodeNameOf(options)
  }

  async register(): Promise<void> {
    await this.#client.registerNode({ params: { node: this.name }, body: madeUpRegistration(this.#options) })
    this.#startedAt = Date.now()
  }

  async beat(): Promise<void> {
    const inventory = madeUpInventory(this.#options, this.#startedAt)
    await this.#client.heartbeat({ params: { node: this.name }, body: { events: [], inventory } })
  }
}

export function nodeNameOf({ index }: Pick<MadeUpNode, 'index'>): string {
  return `node-${String(index).padStart(5, '0')}`
}

/** Hexadecimal. */
export function peerIdOf({ index }: Pick<MadeUpNode, 'index'>): string {
  return index.toString(16).padStart(40, '0')
}

export function madeUpRegistration(node: MadeUpNode): NodeRegistration {
  const { rack, zone, swarmAddress } = node
  return {
    ...{ zone, rack, swarmAddress },
    swarmPeerId: peerIdOf(node),
    dhtAddress: null,
    apiUrl: null,
    capacityBytes: 200 * 1024 ** 3,
    version: 'simulated',
  }
}

export function placeOf(index: number): { rack: string; zone: string } {
  const rack = Math.floor(index / NODES_A_RACK)
  return { rack: `r${rack + 1}`, zone: `z${Math.floor(rack / RACKS_A_ZONE) + 1}` }
}
