import type { Clock } from '@shoal/core'
import type { Catalogue } from '../images/catalogue.ts'
import type { NodeRegistry } from '../nodes/node-registry.ts'
import type { Popularity } from '../nodes/popularity.ts'
import { FleetCaches, type FleetCachesOptions } from './fleet-caches.ts'
import { PlacementSolver } from './placement-solver.ts'
import { SchedulerSnapshots } from './scheduler-snapshots.ts'
import { SnapshotMaker } from './snapshot-maker.ts'
import { VmPlaces } from './vm-places.ts'

export interface PlacementDeps {
  readonly registry: NodeRegistry
  readonly catalogue: Catalogue
  readonly popularity: Pick<Popularity, 'share'>
  /** Which only goes forward. */
  readonly steadyClock: Pick<Clock, 'now'>
  readonly clock: Pick<Clock, 'now' | 'elapsed'>
}

export interface Placement extends AsyncDisposable {
  readonly places: VmPlaces
  readonly snapshots: SchedulerSnapshots
}

/** Builds what says where VMs should start. */
export function openPlacement(deps: PlacementDeps, options: FleetCachesOptions): Placement {
  const caches = new FleetCaches(deps, options)
  const solver = new PlacementSolver()
  const maker = new SnapshotMaker({ ...deps, caches })
  return {
    places: new VmPlaces({ ...deps, caches, solver }),
    snapshots: new SchedulerSnapshots({ maker, clock: deps.steadyClock, wallClock: deps.clock }),
    [Symbol.asyncDispose]: () => solver.close(),
  }
}
