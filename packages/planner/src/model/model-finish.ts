import type { FleetTable } from '../fleet-table.ts'
import type { NodeFinish } from '../plan.ts'
import { bootPart, type Cohort, restPart } from './cohort.ts'
import type { SwarmModel } from './swarm-model.ts'

/** When a model's nodes had what they wanted, as Unix time in milliseconds. */
export class ModelFinish {
  readonly #table: FleetTable
  readonly #model: SwarmModel
  readonly #nowMs: number
  readonly #cohortOf: Int32Array

  constructor(table: FleetTable, model: SwarmModel, nowMs: number) {
    this.#table = table
    this.#model = model
    this.#nowMs = nowMs
    this.#cohortOf = new Int32Array(table.nodes.length).fill(-1)
    for (const [cohort, { nodes }] of model.state.cohorts.entries()) {
      for (const node of nodes) this.#cohortOf[node] = cohort
    }
  }

  /** When a node has all of a layer. Undefined: never. */
  ofLayer(node: number, layer: number): number | undefined {
    const cohort = this.#cohortOf[node] ?? -1
    const state = this.#model.state
    return this.#toMs(Math.max(state.doneAt(cohort, bootPart(layer)), state.doneAt(cohort, restPart(layer))))
  }

  /** When the last of these nodes has all of a part. */
  ofPart(nodes: readonly number[], part: number): number | undefined {
    const state = this.#model.state
    return this.#toMs(nodes.reduce((last, node) => Math.max(last, state.doneAt(this.#cohortOf[node] ?? -1, part)), 0))
  }

  /** When somebody first receives something of a rank. Undefined: never. */
  opensMs(rank: number): number | undefined {
    return this.#toMs(this.#model.opensAt[rank] ?? Number.NaN)
  }

  /** Of every node that wants something, in the order of the fleet. */
  ofNodes(): NodeFinish[] {
    const finishOf = this.#model.state.cohorts.map((cohort, index) => this.#ofCohort(cohort, index))
    return [...this.#cohortOf.entries()].flatMap(([node, cohort]) => {
      const wants = (this.#model.state.cohorts[cohort]?.stages.length ?? 0) > 0
      return wants ? [{ node: this.#table.nameOf(node), finishMs: finishOf[cohort] }] : []
    })
  }

  #ofCohort({ stages }: Cohort, cohort: number): number | undefined {
    return this.#toMs(stages.reduce((last, { part }) => Math.max(last, this.#model.state.doneAt(cohort, part)), 0))
  }

  #toMs(at: number): number | undefined {
    return Number.isNaN(at) ? undefined : this.#nowMs + Math.max(0, at) * 1000
  }
}

/** The last of all. Undefined: one of them never. */
export function lastFinish(nodes: readonly NodeFinish[], nowMs: number): number | undefined {
  let last = nowMs
  for (const { finishMs } of nodes) {
    if (finishMs === undefined) return undefined
    last = Math.max(last, finishMs)
  }
  return last
}
