import type { Pin } from '@shoal/cache'
import { type Clock, type Digest, parseDigest } from '@shoal/core'
import type { DesiredState } from '@shoal/api'
import type { LayerStore } from '@shoal/layer-store'
import type { LayerHolds } from '../layer-holds.ts'
import { openFiles } from './open-files.ts'

export interface NodePinsDeps {
  readonly holds: LayerHolds
  readonly isNeeded: (digest: Digest) => boolean
  readonly store: Pick<LayerStore, 'get'>
  readonly clock: Clock
}

/** What keeps layers on this node beside the operator's pins: plans, composed disks, and processes that have them open. */
export class NodePins {
  readonly #deps: NodePinsDeps
  #plans: ReadonlyMap<Digest, Pin> = new Map()

  constructor(deps: NodePinsDeps) {
    this.#deps = deps
  }

  setDesired({ assignments }: Pick<DesiredState, 'assignments'>): void {
    const plans = new Map<Digest, Pin>()
    for (const { layer, pinnedUntil, assignedAt } of assignments) {
      if (typeof pinnedUntil !== 'string') continue
      const digest = parseDigest(layer)
      const since = assignedAt === undefined ? this.#deps.clock.now() : Date.parse(assignedAt)
      plans.set(digest, { digest, kind: 'plan', owner: 'its assignment', since, expiresAt: Date.parse(pinnedUntil) })
    }
    this.#plans = plans
  }

  /** Those that are known without a look at processes. */
  of(digest: Digest): readonly Pin[] {
    const { holds, isNeeded, clock } = this.#deps
    const now = clock.now()
    const pins: Pin[] = holds.owners(digest).map((owner) => pin(digest, 'disk', owner, now))
    const plan = this.#plans.get(digest)
    if (plan !== undefined && (plan.expiresAt ?? now) > now) pins.push(plan)
    if (isNeeded(digest)) pins.push(pin(digest, 'plan', 'a middle on it that is being fetched', now))
    return pins
  }

  /** The same of one layer, for people. */
  async usersOf(digest: Digest): Promise<readonly string[]> {
    return ((await this.users([digest])).get(digest) ?? []).map(({ owner }) => owner)
  }

  /** Processes that have the file of a layer open. */
  async users(digests: readonly Digest[]): Promise<ReadonlyMap<Digest, readonly Pin[]>> {
    const { store, clock } = this.#deps
    const byPath = new Map<string, Digest>()
    for (const digest of digests) {
      const path = store.get(digest)?.path ?? ''
      if (path !== '') byPath.set(path, digest)
    }
    const users = new Map<Digest, readonly Pin[]>()
    for (const [path, owners] of await openFiles([...byPath.keys()])) {
      const digest = byPath.get(path)
      if (digest === undefined || owners.length === 0) continue
      users.set(digest, owners.map((owner) => pin(digest, 'machine', owner, clock.now())))
    }
    return users
  }
}

function pin(digest: Digest, kind: Pin['kind'], owner: string, since: number): Pin {
  return { digest, kind, owner, since, expiresAt: null }
}
