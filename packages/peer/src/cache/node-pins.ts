import type { DesiredState } from '@shoal/api'
import type { Pin } from '@shoal/cache'
import type { Clock, Digest } from '@shoal/core'
import type { LayerStore } from '@shoal/layer-store'
import type { LayerHolds } from '../layer-holds.ts'
import type { EvictedLayers } from './evicted-layers.ts'
import { openFiles } from './open-files.ts'

/** Who assigns several layers may do so one after the other. */
const TOGETHER_MS = 60_000

type Assignment = DesiredState['assignments'][number]

export interface NodePinsDeps {
  readonly holds: LayerHolds
  /** Whether something that is being fetched needs the layer below it. */
  readonly isNeeded: (digest: Digest) => boolean
  readonly evicted: Pick<EvictedLayers, 'has'>
  readonly store: Pick<LayerStore, 'get'>
  readonly clock: Clock
}

/** What keeps layers on this node beside the operator's pins: plans, composed disks, and processes that have them open. */
export class NodePins {
  readonly #deps: NodePinsDeps
  /** By the name under which room is asked for them. */
  #assignments: ReadonlyMap<string, Assignment> = new Map()

  constructor(deps: NodePinsDeps) {
    this.#deps = deps
  }

  setDesired({ assignments }: Pick<DesiredState, 'assignments'>): void {
    this.#assignments = new Map(assignments.map((assignment) => [assignment.layer, assignment]))
  }

  /**
   * Those that are known without a look at processes. When room is wanted for another layer, what was assigned with it or later, and is
   * at least as urgent, stays: otherwise they would push each other out (docs/adr/0021).
   */
  of(digest: Digest, roomFor?: string): readonly Pin[] {
    const { holds, isNeeded, clock } = this.#deps
    const now = clock.now()
    const pins: Pin[] = holds.owners(digest).map((owner) => pin(digest, 'disk', owner, now))
    if (isNeeded(digest)) pins.push(pin(digest, 'plan', 'a middle on it that is being fetched', now))
    const assignment = this.#assignmentOf(digest)
    if (assignment === undefined) return pins
    const since = Date.parse(assignment.assignedAt ?? '') || now
    const { pinnedUntil } = assignment
    if (typeof pinnedUntil === 'string' && Date.parse(pinnedUntil) > now) {
      pins.push({ digest, kind: 'plan', owner: 'its assignment', since, expiresAt: Date.parse(pinnedUntil) })
    } else if (roomFor !== undefined && isAhead(assignment, this.#assignments.get(roomFor))) {
      pins.push(pin(digest, 'plan', 'what was assigned with it or later', since))
    }
    return pins
  }

  /** Of a layer that had to go it has ended. */
  #assignmentOf(digest: Digest): Assignment | undefined {
    const assignment = this.#assignments.get(digest)
    return assignment !== undefined && this.#deps.evicted.has(digest, assignment.assignedAt ?? '')
      ? undefined
      : assignment
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
      users.set(
        digest,
        owners.map((owner) => pin(digest, 'machine', owner, clock.now())),
      )
    }
    return users
  }
}

/** Whether one was assigned with the other or later, and is at least as urgent. */
function isAhead(one: Assignment, other: Assignment | undefined): boolean {
  if (other === undefined || one.layer === other.layer) return false
  const [at, otherAt] = [Date.parse(one.assignedAt ?? ''), Date.parse(other.assignedAt ?? '')]
  return at >= otherAt - TOGETHER_MS && one.priority >= other.priority
}

function pin(digest: Digest, kind: Pin['kind'], owner: string, since: number): Pin {
  return { digest, kind, owner, since, expiresAt: null }
}
