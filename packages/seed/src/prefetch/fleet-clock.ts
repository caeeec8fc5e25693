import type { Node } from '@shoal/api'
import type { Clock } from '@shoal/core'
import type { NodeRegistry } from '../nodes/node-registry.ts'
import type { PlanRunOptions } from './plan-run.ts'
import type { FleetMoment } from './running-plan.ts'

interface FleetClockDeps {
  readonly registry: Pick<NodeRegistry, 'list'>
  readonly clock: Pick<Clock, 'now'>
}

/** Says who is there now, with a version that grows whenever somebody comes, goes, moves or is in another mode. */
export class FleetClock {
  readonly #deps: FleetClockDeps
  readonly #options: PlanRunOptions
  #signature = ''
  #version = 0

  constructor(deps: FleetClockDeps, options: PlanRunOptions) {
    this.#deps = deps
    this.#options = options
  }

  now(): FleetMoment {
    const nodes = this.#deps.registry.list()
    const now = this.#deps.clock.now()
    const isHere = ({ state, lastSeenAt }: Node) =>
      // One that was seen last in the future was so before the clock was set back.
      state !== 'lost' || Math.abs(now - Date.parse(lastSeenAt)) < this.#options.excludeAfterMs
    const signature = nodes
      .map(
        (node) =>
          `${node.id} ${isHere(node)} ${node.mode.mode} ${node.zone} ${node.rack} ${(node.aggregates ?? []).join(' ')}`,
      )
      .join('\n')
    if (signature !== this.#signature) {
      this.#signature = signature
      this.#version += 1
    }
    return { nodes: new Map(nodes.map((node) => [node.id, node])), isHere, version: this.#version }
  }
}
