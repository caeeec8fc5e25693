import { join } from 'node:path'
import type { Limits } from '@shoal/api'
import { type Clock, type Logger, steadyClock } from '@shoal/core'
import { createLayerStore, type LayerStore } from '@shoal/layer-store'
import { openLevelState, type StateStore } from '@shoal/state'
import type { SeedConfig } from './config.ts'
import { EventJournal } from './events/event-journal.ts'
import { FleetLimits } from './fleet-limits.ts'
import { Catalogue } from './images/catalogue.ts'
import { ImportJournal } from './imports/import-journal.ts'
import { Assignments } from './nodes/assignments.ts'
import { NodeRegistry } from './nodes/node-registry.ts'
import { Popularity } from './nodes/popularity.ts'
import { KeyRotation } from './trust/key-rotation.ts'
import type { SigningKeys } from './trust/signing-keys.ts'

const REACHABILITY_TIMEOUT_MS = 3000

/** What a seed remembers: of images, nodes and what these should have, and the layers themselves. */
export interface SeedFleet {
  readonly state: StateStore
  readonly store: LayerStore
  readonly journal: EventJournal
  readonly catalogue: Catalogue
  readonly assignments: Assignments
  readonly registry: NodeRegistry
  readonly imports: ImportJournal
  readonly popularity: Popularity
  readonly limits: FleetLimits
  readonly keys: SigningKeys
  readonly rotation: KeyRotation
}

export interface SeedFleetDeps {
  readonly keys: SigningKeys
  /** Where the origin of blocks is, once it is there. */
  readonly originHost: () => string
  readonly clock: Clock
  readonly logger: Logger
  /** Closes what is opened. */
  readonly stack: AsyncDisposableStack
}

/** Throws the errors of state and store. */
export async function openSeedFleet(
  config: SeedConfig,
  { keys, originHost, clock, logger, stack }: SeedFleetDeps,
): Promise<SeedFleet> {
  const { stateDirectory } = config
  const state = stack.use(await openLevelState(join(stateDirectory, 'state')))
  const journal = new EventJournal({ state, clock }, { limit: config.events.limit })
  const catalogue = new Catalogue(state)
  const assignments = new Assignments({ state, clock, isActive: (node) => registry.isActive(node) })
  const isWanted: Assignments['mayMove'] = (node, layer) => assignments.mayMove(node, layer)
  const registry = new NodeRegistry(
    { state, journal, clock, isWanted, originHost },
    { ...config.nodes, reachabilityTimeoutMs: REACHABILITY_TIMEOUT_MS },
  )
  const imports = new ImportJournal(state)
  const popularity = new Popularity({ state, clock, catalogue })
  for (const part of [journal, catalogue, assignments, registry, imports, popularity]) await part.open()
  stack.defer(() => journal.flush())
  stack.defer(() => popularity.save())

  const limits = new FleetLimits(
    { state, journal, assignments, clock: steadyClock, wallClock: clock },
    configuredLimits(config),
  )
  await limits.open()
  const rotation = new KeyRotation(
    { ...{ keys, state, journal, assignments, clock }, logger: logger.child({ component: 'trust' }) },
    { overlapMs: config.keys.overlapHours * 3_600_000 },
  )
  await rotation.open()
  const store = stack.use(
    createLayerStore(
      { state, logger: logger.child({ component: 'store' }), clock },
      { directory: join(stateDirectory, 'layers') },
    ),
  )
  await store.open()
  return { state, store, journal, catalogue, assignments, registry, imports, popularity, limits, keys, rotation }
}

function configuredLimits({ library, swarm, racks, nodes }: SeedConfig): Limits {
  return {
    libraryBytesPerSecond: library.limitBytesPerSecond,
    seedUpBytesPerSecond: swarm.upBytesPerSecond,
    rackUplinkBytesPerSecond: racks.uplinkBytesPerSecond,
    node: nodes.limits,
  }
}
