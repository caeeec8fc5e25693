import { type HeldLayer, planEvictions, type ReplacementPolicy, UseHistory, UseLog } from '@shoal/cache'
import { type Digest, parseDigest } from '@shoal/core'
import type { FleetHolders } from './fleet-holders.ts'
import type { Decider } from './replay.ts'
import type { Trace } from './trace.ts'

export interface PolicyChoice {
  readonly policy: ReplacementPolicy
  /** Whether what no other node holds goes after all else. */
  readonly lastCopiesLast: boolean
  /** Whether the policy lets go what is old without need; others are not asked in vain. */
  readonly expires: boolean
  /** Whether the policy goes by how well the fleet's uses foretell those of the node. */
  readonly learns: boolean
}

const NO_PINS: HeldLayer['pins'] = []
/** How often Nova looks for what is too old (`image_cache.manager_interval`, its default). */
const LOOK_MS = 2_400_000
/** The usual time between heartbeats, with whose answers the seed tells. */
const TELL_MS = 10_000

/**
 * Deciders that are the code of the peer: its history of uses, its plan of evictions. One for each node, over one seed
 * that counts uses.
 */
export function policyDeciders(trace: Trace, choice: PolicyChoice): (node: number, holders: FleetHolders) => Decider {
  const digests = trace.layers.map((_, layer) => parseDigest(`sha256:${layer.toString(16).padStart(64, '0')}`))
  const indices = new Map(digests.map((digest, layer) => [digest, layer]))
  const fleetUses = new UseLog<Digest>()
  return (node, holders) => {
    const history = new UseHistory()
    const nowMs = (start: number) => trace.times[start] ?? 0
    const digestOf = (layer: number) => digests[layer] ?? raiseUnknown(layer)
    const { policy, lastCopiesLast } = choice
    let [toldAt, lookedAt] = [0, 0]
    // The answer to a heartbeat: of the layers that the node holds, their part of all uses.
    const shares = new Map<Digest, number>()
    const tell = (held: ReadonlySet<number>, now: number) => {
      toldAt = now
      for (const layer of held) shares.set(digestOf(layer), fleetUses.share(digestOf(layer), now))
      history.setClusterShares(shares)
    }
    const plan: Decider['choose'] = (held, wantedBytes, stays, start) => {
      const now = nowMs(start)
      tell(held, now)
      const layers = [...held].map((layer) => {
        const digest = digestOf(layer)
        const { sizeBytes, base } = trace.layers[layer] ?? raiseUnknown(layer)
        return {
          ...history.entry(digest, now),
          digest,
          sizeBytes,
          base: base === undefined ? null : digestOf(base),
          replicas: holders.replicas(layer, node),
          pins: NO_PINS,
          isBusy: stays.includes(layer),
          bootBytes: 0,
          isRemnant: false,
        }
      })
      const facts = { nowMs: now, ...history.facts() }
      const { evictions } = planEvictions(layers, wantedBytes, { policy, facts, lastCopiesLast, remnantBytes: 0 })
      return evictions.map(({ digest, value }) => {
        history.evicted(digest, value)
        shares.delete(digest)
        return indices.get(digest) ?? raiseUnknown(digest)
      })
    }
    return {
      used(layer, held, start) {
        const [digest, now] = [digestOf(layer), nowMs(start)]
        if (choice.learns && now - toldAt >= TELL_MS) tell(held, now)
        history.used(digest, now)
        fleetUses.add(digest, now)
      },
      expired(held, start) {
        if (!choice.expires || nowMs(start) - lookedAt < LOOK_MS) return []
        lookedAt = nowMs(start)
        return plan(held, 0, [], start)
      },
      choose: plan,
    }
  }
}

function raiseUnknown(layer: unknown): never {
  throw new TypeError(`there is no layer ${layer}`)
}
