export { createPlan, type PlannerOptions } from './create-plan.ts'
export type { Demand, DemandTarget, NodeFilter } from './demand.ts'
export type { Fleet, FleetNode, FleetRack, FleetSeed, HeldLayer, PlanLayer } from './fleet.ts'
export type { FluidBound } from './fluid-bound.ts'
export { DEFAULT_EFFICIENCY, DEFAULT_START_UP_MS, type LinkUse } from './link-use.ts'
export type {
  Assignment,
  Eviction,
  LinkBytes,
  NodeFinish,
  Placement,
  Plan,
  PlannerInput,
  Prediction,
  Wave,
} from './plan.ts'
export type { PlanLimits } from './plan-limits.ts'
export type { BackgroundLink, FleetEvent, Scenario } from './scenario.ts'
export { type Simulation, simulate } from './simulate.ts'
export type { FullNode, Unmet } from './unmet.ts'
