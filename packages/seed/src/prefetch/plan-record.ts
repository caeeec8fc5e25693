import type {
  ErrorBody,
  PlanKind,
  PlanLimits,
  PlanPlacement,
  PlanPrediction,
  PlanProgress,
  PlanSimulation,
  PlanState,
  PlanUnmet,
  PlanWave,
  PrefetchImage,
} from '@shoal/api'
import type { Digest } from '@shoal/core'

/** How urgent a plan is and what it may use, with every default filled in. Times are ISO 8601. */
export interface PlanTerms {
  readonly priority: number
  readonly weight: number
  readonly limits: Readonly<Required<PlanLimits>>
  readonly notBefore: string | null
  readonly deadline: string | null
  readonly expiresAt: string
  readonly pinnedUntil: string
}

/** What the planner said last. */
export interface PlanOutcome {
  readonly prediction: PlanPrediction
  readonly waves: readonly PlanWave[]
  readonly placements: readonly PlanPlacement[]
  readonly evictions: readonly { readonly node: string; readonly bytes: number }[]
  readonly unmet: readonly PlanUnmet[]
}

/** A plan as it is kept over restarts; what is wanted on which node is kept beside it. */
export interface PlanRecord extends PlanTerms, PlanOutcome {
  readonly id: string
  /** Those of earlier versions have none, and were asked for. */
  readonly kind?: PlanKind
  readonly name: string
  /** Who asked: `api`, `rule:NAME`, or `downloads`. */
  readonly source: string
  readonly idempotencyKey: string | null
  /** SHA-256 of the request, for those that come twice. */
  readonly requestHash: string
  readonly images: readonly PrefetchImage[]
  readonly state: PlanState
  readonly error: ErrorBody | null
  readonly createdAt: string
  readonly startedAt: string | null
  readonly finishedAt: string | null
  readonly isLate: boolean
  /** Whether it may have claims on nodes. */
  readonly isHeld: boolean
  /** How far it was when it ended. */
  readonly finalProgress: PlanProgress | null
  /** By image: the layers that it resolved to, base first. An image that is not imported has none. */
  readonly chains: Readonly<Record<string, readonly Digest[]>>
  /** By image: why it cannot be had any more. */
  readonly failures: Readonly<Record<string, ErrorBody>>
  /** Images whose import this plan asked for. */
  readonly imports: readonly string[]
  readonly simulation: PlanSimulation | null
}

/** A plan before anything is known of it. */
export const UNPLANNED = {
  state: 'planned',
  error: null,
  startedAt: null,
  finishedAt: null,
  isLate: false,
  isHeld: false,
  finalProgress: null,
  chains: {},
  failures: {},
  imports: [],
  simulation: null,
  prediction: {
    finishAt: null,
    seconds: null,
    fluidBoundSeconds: 0,
    limitedBy: 'nothing',
    bytes: { libraryToSeed: 0, seedToNode: 0, inRack: 0, crossRack: 0 },
  },
  waves: [],
  placements: [],
  evictions: [],
  unmet: [],
} as const satisfies Partial<PlanRecord>

const OVER: ReadonlySet<PlanState> = new Set(['done', 'cancelled', 'expired', 'failed'])

/** Whether nothing more happens to it. One that is partly done goes on when its nodes are back. */
export const isOver = ({ state }: Pick<PlanRecord, 'state'>): boolean => OVER.has(state)

/** Whether it is an account of downloads, and wants nothing itself. */
export const isOfDownloads = ({ kind }: Pick<PlanRecord, 'kind'>): boolean => kind === 'download'

export const planKey = (id: string): string => `seed/plan/${id}`
export const PLANS = 'seed/plan/'
