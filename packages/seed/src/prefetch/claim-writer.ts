import { setImmediate as nextTurn } from 'node:timers/promises'
import type { Digest } from '@shoal/core'
import type { EventJournal } from '../events/event-journal.ts'
import type { AssignmentChange, Assignments, ClaimsByNode } from '../nodes/assignments.ts'
import type { Claim } from '../nodes/claims.ts'

export interface ClaimWriterDeps {
  readonly assignments: Assignments
  readonly journal: Pick<EventJournal, 'append'>
}

/** Nodes whose assignments change in one durable step, and in one turn of the event loop, in which the seed answers nobody. */
const NODES_A_BATCH = 250

/** Brings the claims of one plan on nodes in step with what it wants. */
export class ClaimWriter {
  readonly #owner: string
  readonly #deps: ClaimWriterDeps
  /** Claims that were laid. One that a node had to give up is not laid again by itself: it would be fetched in circles. */
  #laid: Map<string, Set<Digest>> | undefined

  constructor(owner: string, deps: ClaimWriterDeps) {
    this.#owner = owner
    this.#deps = deps
  }

  /** Lets those be laid again that nodes had to give up. */
  forget(): void {
    this.#laid = undefined
  }

  /** Lets those of a node be laid again that was taken out of the fleet, and with it whatever it was asked for. */
  forgetNode(node: string): void {
    this.#laid?.delete(node)
  }

  /** Whether a claim that was laid holds no more, since the node had to give it up or it was taken back there. */
  hasEnded(node: string, layer: Digest): boolean {
    return (this.#laid?.get(node)?.has(layer) ?? false) && !this.#deps.assignments.has(node, layer, this.#owner)
  }

  /** What is no longer wanted stays on nodes for as long as it is worth it, unless it `drops` it. */
  async write(wanted: ClaimsByNode, options: { drops?: boolean } = {}): Promise<void> {
    this.#laid ??= this.#found()
    await this.#write(wanted, this.#laid, options)
  }

  async #write(wanted: ClaimsByNode, laid: Map<string, Set<Digest>>, options: { drops?: boolean }): Promise<void> {
    const gone = goneOf(wanted, laid)
    for (const [node, layers] of gone) {
      for (const layer of layers) laid.get(node)?.delete(layer)
      if (laid.get(node)?.size === 0) laid.delete(node)
    }
    await this.#inBatches(gone, (part) => this.#deps.assignments.release(this.#owner, part, options))
    const held = partOf(wanted, (node, layer) => laid.get(node)?.has(layer) ?? false)
    await this.#inBatches(held, (part) => this.#deps.assignments.claim(this.#owner, part, { onlyHeld: true }))
    const news = partOf(wanted, (node, layer) => !laid.get(node)?.has(layer))
    await this.#inBatches(news, (part) => this.#deps.assignments.claim(this.#owner, part, { skipsFull: true }))
    for (const [node, claims] of news) {
      const layers = laid.get(node) ?? new Set()
      laid.set(node, layers)
      for (const layer of claims.keys()) layers.add(layer)
    }
  }

  /** What an earlier run has laid and what still holds of it. */
  #found(): Map<string, Set<Digest>> {
    const found = new Map<string, Set<Digest>>()
    for (const { node, layer } of this.#deps.assignments.list({ owner: this.#owner })) {
      const layers = found.get(node) ?? new Set()
      found.set(node, layers.add(layer as Digest))
    }
    return found
  }

  async #inBatches<T>(
    all: ReadonlyMap<string, T>,
    change: (part: ReadonlyMap<string, T>) => AssignmentChange,
  ): Promise<void> {
    const entries = [...all]
    for (let start = 0; start < entries.length; start += NODES_A_BATCH) {
      const { operations, announce } = change(new Map(entries.slice(start, start + NODES_A_BATCH)))
      if (operations.length === 0) continue
      await this.#deps.journal.append([], operations)
      announce()
      await nextTurn()
    }
  }
}

function goneOf(wanted: ClaimsByNode, laid: ReadonlyMap<string, ReadonlySet<Digest>>): Map<string, Digest[]> {
  const gone = [...laid].map(([node, layers]) => {
    return [node, [...layers].filter((layer) => !wanted.get(node)?.has(layer))] as const
  })
  return new Map(gone.filter(([, layers]) => layers.length > 0).map(([node, layers]) => [node, [...layers]]))
}

function partOf(
  wanted: ClaimsByNode,
  belongs: (node: string, layer: Digest) => boolean,
): Map<string, ReadonlyMap<Digest, Claim>> {
  const parts = [...wanted].map(([node, claims]) => {
    return [node, new Map([...claims].filter(([layer]) => belongs(node, layer)))] as const
  })
  return new Map(parts.filter(([, claims]) => claims.size > 0))
}
