import type { Client, NodeEvent } from '@shoal/api'
import { silentLogger, systemClock } from '@shoal/core'
import {
  DesiredStateFollower,
  EnrollmentKeeper,
  Heartbeat,
  type HeartbeatDeps,
  isNoAnswer,
  type SeedApi,
  SeedLink,
} from '@shoal/peer/seed-side'
import type { Latencies } from '../dashboard/latencies.ts'
import { type MadeUpNode, madeUpInventory } from '../dashboard/made-up-inventory.ts'
import { madeUpRegistration, nodeNameOf } from '../dashboard/simulated-node.ts'

/** The default of `reconcile.intervalMs` of a peer. */
const RECONCILE_MS = 15_000

export interface LoadNodeDeps {
  readonly client: Client
  readonly latencies: Latencies
}

/**
 * What of a peer daemon talks to the seed, and nothing else of it: registration, heartbeats, desired state and its stream are the daemon's own code, with
 * its times and its ways to try again. What it reports is made up.
 */
export class LoadNode {
  readonly name: string
  readonly #node: MadeUpNode
  readonly #enrollment: EnrollmentKeeper
  readonly #desired: DesiredStateFollower
  readonly #heartbeat: Heartbeat
  readonly #startedAt = Date.now()
  #first: { heartbeat?: number; stream?: number } = {}
  #events: NodeEvent[] = []
  #complete = new Set<string>()

  constructor({ client, latencies }: LoadNodeDeps, { node, heartbeatMs }: { node: MadeUpNode; heartbeatMs: number }) {
    this.name = nodeNameOf(node)
    this.#node = node
    const seed = new SeedLink({ client: this.#timed(client, latencies), logger: silentLogger }, { url: '' })
    const daemon = { seed, clock: systemClock, random: Math.random, logger: silentLogger }
    const onUnknown = () => this.#enrollment.request()
    this.#enrollment = new EnrollmentKeeper(
      {
        ...daemon,
        records: { enrollment: async () => undefined, saveEnrollment: async () => {} },
        trust: { show: async () => {} },
        apply: () => {},
        onRefused: (error) => {
          throw error
        },
      },
      {
        ...{ node: this.name, seedUrl: '', tokenFile: null, hasCertificate: true },
        registration: async () => madeUpRegistration(node),
      },
    )
    this.#desired = new DesiredStateFollower(
      {
        ...daemon,
        records: { desired: async () => undefined, saveDesired: async () => {} },
        ...{ onDesired: () => {}, onUnknown },
      },
      { node: this.name, intervalMs: RECONCILE_MS },
    )
    this.#heartbeat = new Heartbeat(
      {
        ...daemon,
        events: this.#queue(),
        inventory: async () => this.#look(),
        uses: () => ({ uses: [], acknowledge: () => {} }),
        onRevision: (revision) => this.#desired.notice(revision),
        onFacts: () => {},
        onRevocations: () => {},
        onUnknown,
      },
      { node: this.name, intervalMs: () => heartbeatMs },
    )
  }

  /** The first registration; false when the seed did not answer, and it is tried again while it runs. */
  async register(call: { signal: AbortSignal }): Promise<boolean> {
    try {
      await this.#enrollment.register(call)
      return true
    } catch (error) {
      if (isNoAnswer(error)) return false
      throw error
    }
  }

  /** Everything else, until aborted. `isDone`: it is registered. */
  async run({ signal, isDone }: { signal: AbortSignal; isDone: boolean }): Promise<void> {
    const whenRegistered = this.#enrollment.whenRegistered({ signal })
    await Promise.all([
      this.#enrollment.run({ signal, isDone }),
      whenRegistered.then(() => this.#desired.run({ signal })),
      whenRegistered.then(() => this.#desired.watch({ signal })),
      whenRegistered.then(() => this.#heartbeat.run({ signal })),
    ])
  }

  /** When it had both an answer to a heartbeat and a stream that speaks. Milliseconds since the epoch. */
  get servedAt(): number | undefined {
    const { heartbeat, stream } = this.#first
    return heartbeat === undefined || stream === undefined ? undefined : Math.max(heartbeat, stream)
  }

  /** From now on {@link servedAt} is about what comes. */
  forgetServed(): void {
    this.#first = {}
  }

  #timed(client: Client, latencies: Latencies): SeedApi {
    const note = (what: 'heartbeat' | 'stream') => {
      this.#first[what] ??= Date.now()
    }
    return {
      ...client,
      registerNode: (call) => latencies.measure('registration', () => client.registerNode(call)),
      desiredState: (call) => latencies.measure('desired', () => client.desiredState(call)),
      heartbeat: async (call) => {
        const answer = await latencies.measure('heartbeat', () => client.heartbeat(call))
        note('heartbeat')
        return answer
      },
      watchDesired: async function* (call: Parameters<Client['watchDesired']>[0]) {
        for await (const message of client.watchDesired(call)) {
          note('stream')
          yield message
        }
      },
    }
  }

  /** The inventory now; that a layer is complete since the last look is an event, as on a daemon. */
  #look() {
    const inventory = madeUpInventory(this.#node, this.#startedAt)
    const complete = inventory.layers.filter(({ state }) => state === 'complete').map(({ digest }) => digest)
    for (const layer of complete) {
      if (this.#complete.has(layer)) continue
      const at = new Date().toISOString()
      this.#events.push({ at, type: 'layer.complete', layer, message: 'The layer is complete.', details: {} })
    }
    this.#complete = new Set(complete)
    return inventory
  }

  #queue(): HeartbeatDeps['events'] {
    const waiting = () => this.#events
    return {
      next: () => {
        const events = [...waiting()]
        return {
          events,
          acknowledge: async () => {
            this.#events = waiting().filter((each) => !events.includes(each))
          },
        }
      },
      get length() {
        return waiting().length
      },
    }
  }
}
