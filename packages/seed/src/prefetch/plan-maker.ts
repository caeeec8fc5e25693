import { randomBytes } from 'node:crypto'
import type { Actor, Plan, PrefetchRequest } from '@shoal/api'
import { seedError } from '../errors.ts'
import { checkActive } from '../imports/import-image.ts'
import { FleetProgress } from './fleet-progress.ts'
import { heldLayers } from './node-progress.ts'
import { type PlanRecord, UNPLANNED } from './plan-record.ts'
import { checkImages, isoTime, planTerms } from './plan-request.ts'
import { toApiPlan } from './plan-view.ts'
import { type Planned, type PlanningDeps, planAnew } from './planning.ts'
import type { FleetMoment } from './running-plan.ts'
import type { SlowContext } from './slow-reason.ts'
import { layerSizes } from './wave-progress.ts'

export interface CreateOptions {
  /** `api`, or `rule:NAME`. */
  readonly source: string
  readonly idempotencyKey?: string | undefined
  /** Who asks for it. */
  readonly actor?: Actor | undefined
}

/** Makes records of plans from requests, and says what a plan would be. */
export class PlanMaker {
  readonly #deps: PlanningDeps

  constructor(deps: PlanningDeps) {
    this.#deps = deps
  }

  /** Throws `SHOAL_PLAN_*` and `SHOAL_IMAGE_*` for a request that cannot become a plan. */
  record(request: PrefetchRequest, hash: string, { source, idempotencyKey }: CreateOptions): PlanRecord {
    const { images } = request
    this.checkImages(images)
    const now = this.#deps.clock.now()
    return {
      ...UNPLANNED,
      ...planTerms(request, now),
      id: `plan-${randomBytes(5).toString('hex')}`,
      name: request.name ?? this.#nameOf(request),
      source,
      idempotencyKey: idempotencyKey ?? null,
      requestHash: hash,
      images,
      createdAt: isoTime(now),
    }
  }

  checkImages(images: PrefetchRequest['images']): void {
    checkImages(images)
    for (const wanted of images) {
      const { image } = wanted
      const record = this.#deps.catalogue.image(image)
      if (record === undefined) throw seedError('SHOAL_IMAGE_UNKNOWN', { image })
      checkActive(image, record.deletedAt === null ? record.image : undefined)
      this.#deps.images.checkForm(wanted)
    }
  }

  /** What a plan would be, of which nothing is kept. Throws as {@link record}, and `SHOAL_PLAN_PLANNER`. */
  async tryOut(request: PrefetchRequest, moment: FleetMoment): Promise<Plan> {
    const { catalogue, registry, clock } = this.#deps
    const record = this.record(request, '', { source: 'api' })
    const { outcome, simulation, targets, toCome } = await this.plan(record, request, moment)
    const progress = new FleetProgress()
    const sizes = layerSizes(catalogue, () => toCome)
    const heldBy = (node: string) => heldLayers(registry.get(node)?.inventory ?? null)
    progress.setTargets(targets, sizes, heldBy, clock.now())
    const summary = progress.summary(AT_REST, clock.now())
    return toApiPlan({ ...record, ...outcome, simulation }, { ...summary, slowest: [] }, true)
  }

  /** Plans from nothing, beside whatever is under way. */
  plan(record: PlanRecord, { simulate }: PrefetchRequest, { isHere }: FleetMoment): Promise<Planned> {
    return planAnew(this.#deps, record, { before: new Map(), isHere, isStored: false, simulate })
  }

  #nameOf({ images }: PrefetchRequest): string {
    const [first] = images
    const name = first === undefined ? '' : this.#deps.images.name(first.image)
    return (images.length > 1 ? `${name} and ${images.length - 1} more` : name).slice(0, 100)
  }
}

/** The context of a plan that nobody carries out. */
const AT_REST: SlowContext = {
  isPaused: false,
  notBefore: null,
  toCome: new Set(),
  ended: '',
  nodeLimit: () => null,
  medianRate: 0,
}
