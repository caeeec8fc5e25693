import type { Assignment, LayerInventory } from '@shoal/api'
import type { Clock, Digest } from '@shoal/core'
import type { StateOperation, StateStore } from '@shoal/state'
import { seedError } from '../errors.ts'
import {
  type Claim,
  type ClaimedLayer,
  type ClaimOwner,
  effectiveClaim,
  FILE,
  isSameClaim,
  later,
  OPERATOR,
  ordinaryClaim,
  restingClaim,
} from './claims.ts'
import {
  NOTHING_ASSIGNED,
  type NodeAssignments,
  readAssignments,
  type StoredAssignments,
  withClaims,
  withoutClaims,
  withoutLayers,
} from './node-assignments.ts'
import { RevisionWatch } from './revision-watch.ts'

/** How much an operator wants a layer, and how long at least. */
export type AssignmentTerms = Pick<Claim, 'priority' | 'pinnedUntil'>

/** An assignment with all that a node is told of it. */
export type NodeAssignment = Assignment & Claim

/** What an owner wants, by node and layer. */
export type ClaimsByNode = ReadonlyMap<string, ReadonlyMap<Digest, Claim>>

/** What a node says of a layer that it may have evicted. */
type EvictedLayer = Pick<LayerInventory, 'digest' | 'state' | 'evictedAssignment'>

interface Entry extends NodeAssignments {
  readonly node: string
  readonly revision: number
}

interface Revocations {
  readonly revision: number
  /** The oldest first. */
  readonly digests: readonly Digest[]
}

/** A change made in memory: how to make it durable, and whom to tell afterwards. */
export interface AssignmentChange {
  readonly operations: readonly StateOperation[]
  /** Tells the nodes concerned; to be called when the operations are written. */
  readonly announce: () => void
}

const PREFIX = 'seed/desired/'
const REVISION_KEY = 'seed/revision'
const REVOKED_KEY = 'seed/revoked'
const MAX_LAYERS_A_NODE = 4096
const MAX_REVOKED = 10_000

/**
 * What every node should hold, with a revision for each node that grows with every change that concerns it. Withdrawn
 * layers are revoked for all nodes at once, those that are away included: they read it when they are back.
 */
export class Assignments {
  readonly #state: StateStore
  readonly #clock: Clock
  readonly #isActive: (node: string) => boolean
  readonly #nodes = new Map<string, Entry>()
  readonly #watch = new RevisionWatch()
  #revoked: Revocations = { revision: 0, digests: [] }
  #revision = 0

  /** A node that is not `isActive` fetches what machines there need, and nothing else. */
  constructor(deps: { state: StateStore; clock: Clock; isActive?: (node: string) => boolean }) {
    this.#state = deps.state
    this.#clock = deps.clock
    this.#isActive = deps.isActive ?? (() => true)
  }

  async open(): Promise<void> {
    for await (const { value } of this.#state.range<StoredEntry>({ prefix: PREFIX })) {
      const { node, revision } = value
      this.#nodes.set(node, { node, revision, ...readAssignments(value) })
    }
    this.#revoked = (await this.#state.get<Revocations>(REVOKED_KEY))?.value ?? this.#revoked
    this.#revision = (await this.#state.get<number>(REVISION_KEY))?.value ?? 0
  }

  revision(node: string): number {
    return Math.max(this.#nodes.get(node)?.revision ?? 0, this.#revoked.revision)
  }

  get revoked(): readonly Digest[] {
    return this.#revoked.digests
  }

  /** A node's assignments, the most urgent first. */
  ofNode(node: string): NodeAssignment[] {
    const layers = Object.entries(this.#nodes.get(node)?.layers ?? {})
    return layers
      .map(([layer, claimed]) => {
        const { createdAt, claims } = claimed
        return { node, layer, createdAt, ...this.#claimOn(node, claimed), owners: Object.keys(claims) }
      })
      .sort((a, b) => b.priority - a.priority || a.wave - b.wave)
  }

  /** Whether somebody wants a layer on a node. */
  has(node: string, layer: Digest, owner: ClaimOwner): boolean {
    return this.#nodes.get(node)?.layers[layer]?.claims[owner] !== undefined
  }

  /** Whether anybody wants a layer on a node. */
  isWanted(node: string, layer: Digest): boolean {
    return this.#nodes.get(node)?.layers[layer] !== undefined
  }

  /** Every assignment, by node, then layer. */
  list(
    filter: { layer?: string | undefined; node?: string | undefined; owner?: ClaimOwner | undefined } = {},
  ): NodeAssignment[] {
    const nodes = filter.node === undefined ? [...this.#nodes.keys()].sort() : [filter.node]
    const assignments = nodes.flatMap((node) => this.ofNode(node).sort((a, b) => (a.layer < b.layer ? -1 : 1)))
    const { layer, owner } = filter
    if (layer === undefined && owner === undefined) return assignments
    const isOwned = ({ owners = [] }: Assignment) => owner === undefined || owners.includes(owner)
    return assignments.filter((one) => (layer === undefined || one.layer === layer) && isOwned(one))
  }

  /** Whether a layer is wanted on a node, and by somebody who lets it move now. */
  mayMove(node: string, layer: string): boolean {
    const claimed = this.#nodes.get(node)?.layers[layer as Digest]
    return claimed !== undefined && this.#claimOn(node, claimed).limitBytesPerSecond !== 0
  }

  /** How many nodes each layer is assigned to. */
  countByLayer(): Map<string, number> {
    const counts = new Map<string, number>()
    for (const { layers } of this.#nodes.values()) {
      for (const layer of Object.keys(layers)) counts.set(layer, (counts.get(layer) ?? 0) + 1)
    }
    return counts
  }

  /** Assigns a layer, or changes its terms; what already holds is left as it is. Throws `SHOAL_ASSIGNMENT_LIMIT` before any change. */
  assign(layer: Digest, nodes: readonly string[], { priority, pinnedUntil }: AssignmentTerms): AssignmentChange {
    return this.#assign(layer, nodes, () => ordinaryClaim(priority, pinnedUntil))
  }

  /** As {@link assign}, for the base below a layer: others that are above it may need it for longer. */
  assignBase(base: Digest, nodes: readonly string[], { priority, pinnedUntil }: AssignmentTerms): AssignmentChange {
    return this.#assign(base, nodes, (before) =>
      ordinaryClaim(priority, later(pinnedUntil, before?.pinnedUntil ?? null)),
    )
  }

  /**
   * Lays an owner's claims, or changes them, and leaves the others' and those that it does not name as they are. With `onlyHeld` a
   * claim that ended meanwhile, because its layer was evicted or withdrawn, is not laid again. A node with too many layers is passed over
   * with `skipsFull`, and otherwise a `SHOAL_ASSIGNMENT_LIMIT` that is thrown before any change.
   */
  claim(
    owner: ClaimOwner,
    wanted: ClaimsByNode,
    { onlyHeld = false, skipsFull = false }: { onlyHeld?: boolean; skipsFull?: boolean } = {},
  ): AssignmentChange {
    const changed = new Map<string, [Digest, Claim][]>()
    for (const [node, claims] of wanted) {
      const layers = this.#nodes.get(node)?.layers ?? {}
      const news = [...claims].filter(([layer, claim]) => {
        const before = layers[layer]?.claims[owner]
        return !(onlyHeld && before === undefined) && !isSameClaim(before, claim)
      })
      if (news.length === 0) continue
      const count = new Set([...Object.keys(layers), ...news.map(([layer]) => layer)]).size
      if (count <= MAX_LAYERS_A_NODE) changed.set(node, news)
      else if (!skipsFull) throw seedError('SHOAL_ASSIGNMENT_LIMIT', { node, limit: MAX_LAYERS_A_NODE })
    }
    const createdAt = new Date(this.#clock.now()).toISOString()
    return this.#change([...changed.keys()], (before, node) =>
      withClaims(before, owner, { claims: changed.get(node) ?? [], createdAt }),
    )
  }

  /**
   * Ends an owner's claims. A layer that nobody else wants there is taken back; what the node has of it stays for as long as it is worth
   * it or, if it `drops` them, is removed.
   */
  release(
    owner: ClaimOwner,
    released: ReadonlyMap<string, Iterable<Digest>>,
    { drops = false }: { drops?: boolean } = {},
  ): AssignmentChange {
    const held = new Map<string, Digest[]>()
    for (const [node, layers] of released) {
      const owned = [...layers].filter((layer) => this.has(node, layer, owner))
      if (owned.length > 0) held.set(node, owned)
    }
    return this.#change([...held.keys()], (before, node) =>
      withoutClaims(before, owner, { released: held.get(node) ?? [], drops }),
    )
  }

  /**
   * Lets nodes have a layer only where it is planned, assigned or running: claims for downloads end, and of the nodes that hold it the
   * others remove it.
   */
  restrict(layer: Digest, holders: readonly string[]): AssignmentChange {
    const claimants = [...this.#nodes.keys()].filter((node) => this.has(node, layer, FILE))
    const isNeeded = (node: string) => {
      const claims = this.#nodes.get(node)?.layers[layer]?.claims ?? {}
      return Object.keys(claims).some((owner) => owner !== FILE)
    }
    const concerned = [...new Set([...claimants, ...holders.filter((node) => !isNeeded(node))])]
    return this.#change(concerned, (before) => {
      const after = withoutClaims(before, FILE, { released: [layer], drops: true })
      if (after.layers[layer] !== undefined) return after
      return { ...after, dropped: [...new Set([...after.dropped, layer])] }
    })
  }

  /** Layers that a node is to remove. */
  dropped(node: string): readonly Digest[] {
    return this.#nodes.get(node)?.dropped ?? []
  }

  /** Takes note of what a node holds: what it has removed, it need not be told of any more. */
  endDropped(node: string, holds: (layer: Digest) => boolean): AssignmentChange {
    const isDone = this.dropped(node).some((layer) => !holds(layer))
    return this.#change(isDone ? [node] : [], (before) => ({ ...before, dropped: before.dropped.filter(holds) }))
  }

  /** Ends those assignments of a node whose layers it had to evict, and no later ones of the same layers. */
  endEvicted(node: string, layers: readonly EvictedLayer[]): AssignmentChange {
    const assigned = this.#nodes.get(node)?.layers ?? {}
    const ended = layers.filter(
      ({ digest, state, evictedAssignment }) =>
        state === 'evicted' && evictedAssignment !== undefined && assigned[digest]?.createdAt === evictedAssignment,
    )
    const gone = new Set<string>(ended.map(({ digest }) => digest))
    return this.#change(gone.size === 0 ? [] : [node], (before) => withoutLayers(before, gone))
  }

  /** Takes a layer back from the given nodes, or from all, whoever wants it there. */
  unassign(layer: Digest, nodes?: readonly string[]): AssignmentChange & { removed: string[] } {
    const removed = [...(nodes ?? this.#nodes.keys())].filter(
      (node) => this.#nodes.get(node)?.layers[layer] !== undefined,
    )
    return { ...this.#change(removed, (before) => withoutLayers(before, new Set([layer]))), removed }
  }

  /** Gives nodes a new revision, since something else that their desired state tells has changed. */
  renewNodes(nodes: readonly string[]): AssignmentChange {
    return this.#change(nodes, (before) => before)
  }

  /** Takes a layer back from all nodes, for good: they stop serving it and remove it. */
  revoke(layer: Digest): AssignmentChange {
    const change = this.unassign(layer)
    const digests = [...this.#revoked.digests.filter((digest) => digest !== layer), layer].slice(-MAX_REVOKED)
    return this.#setRevoked(digests, change)
  }

  /** Lets a layer be assigned again. */
  restore(layer: Digest): AssignmentChange {
    if (!this.#revoked.digests.includes(layer)) return { operations: [], announce: () => {} }
    return this.#setRevoked(this.#revoked.digests.filter((digest) => digest !== layer))
  }

  /** Gives every node a new revision, since something else that its desired state tells has changed. */
  renew(): AssignmentChange {
    return this.#setRevoked(this.#revoked.digests)
  }

  forget(node: string): AssignmentChange {
    this.#nodes.delete(node)
    return { operations: [{ type: 'delete', key: PREFIX + node }], announce: () => this.#watch.wake([node]) }
  }

  /** The node's revision at once, and after every change, until the signal aborts. */
  watch(node: string, options: { signal: AbortSignal }): AsyncGenerator<number> {
    return this.#watch.revisions(node, () => this.revision(node), options)
  }

  #claimOn(node: string, claimed: ClaimedLayer): Claim {
    return this.#isActive(node) ? effectiveClaim(claimed) : restingClaim(claimed)
  }

  #assign(layer: Digest, nodes: readonly string[], claimAfter: (before: Claim | undefined) => Claim): AssignmentChange {
    const claims = nodes.map((node) => {
      const claim = claimAfter(this.#nodes.get(node)?.layers[layer]?.claims[OPERATOR])
      return [node, new Map([[layer, claim]])] as const
    })
    return this.claim(OPERATOR, new Map(claims))
  }

  #change(
    nodes: readonly string[],
    edit: (before: NodeAssignments, node: string) => NodeAssignments,
  ): AssignmentChange {
    if (nodes.length === 0) return { operations: [], announce: () => {} }
    this.#revision += 1
    const operations: StateOperation[] = [{ type: 'put', key: REVISION_KEY, value: this.#revision }]
    for (const node of nodes) {
      const { layers, dropped } = edit(this.#nodes.get(node) ?? NOTHING_ASSIGNED, node)
      const value: Entry = { node, revision: this.#revision, layers, dropped }
      this.#nodes.set(node, value)
      operations.push({ type: 'put', key: PREFIX + node, value })
    }
    return { operations, announce: () => this.#watch.wake(nodes) }
  }

  #setRevoked(digests: readonly Digest[], change?: AssignmentChange): AssignmentChange {
    this.#revision += 1
    this.#revoked = { revision: this.#revision, digests }
    const operations: StateOperation[] = [
      ...(change?.operations ?? []),
      { type: 'put', key: REVISION_KEY, value: this.#revision },
      { type: 'put', key: REVOKED_KEY, value: this.#revoked },
    ]
    return { operations, announce: () => this.#watch.wakeAll() }
  }
}

interface StoredEntry extends StoredAssignments {
  readonly node: string
  readonly revision: number
}
