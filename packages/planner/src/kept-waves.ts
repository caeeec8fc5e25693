import type { FleetTable } from './fleet-table.ts'
import type { Assignment } from './plan.ts'
import type { Terms } from './terms.ts'

/** Which assignments of an earlier plan still hold: those whose terms are the same stay in their wave. */
export class KeptWaves {
  /** By layer, then by node. */
  readonly #before: readonly (Map<number, Assignment> | undefined)[]
  readonly #table: FleetTable

  constructor(table: FleetTable, before: readonly Assignment[]) {
    this.#table = table
    const byLayer = table.layers.map(() => new Map<number, Assignment>())
    for (const assignment of before) {
      const [layer, node] = [table.layer(assignment.layer), table.node(assignment.node)]
      if (layer !== undefined && node !== undefined) byLayer[layer]?.set(node, assignment)
    }
    this.#before = byLayer
  }

  /** The wave that holds, or `undefined` when there is none: the layer was not wanted there, or on other terms. */
  waveOf(layer: number, node: number, terms: Terms): number | undefined {
    const before = this.#before[layer]?.get(node)
    if (before === undefined || before.bootFirst !== this.#table.bootBytes(layer) > 0) return undefined
    const isSame =
      before.priority === terms.priority &&
      (before.notBeforeMs ?? Number.NEGATIVE_INFINITY) === terms.notBeforeMs &&
      (before.deadlineMs ?? Number.POSITIVE_INFINITY) === terms.deadlineMs &&
      (before.pinnedUntilMs ?? Number.POSITIVE_INFINITY) === terms.pinnedUntilMs
    return isSame ? before.wave : undefined
  }
}
