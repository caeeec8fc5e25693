import type { FleetTable } from '../fleet-table.ts'
import { fluidBound } from '../fluid-bound.ts'
import type { LinkRates } from '../link-rates.ts'
import type { UnitInWave } from '../waves.ts'
import { Agenda, type ModelChange } from './agenda.ts'
import { bootPart, type Cohort, layerOfPart, restPart } from './cohort.ts'
import { CohortLinks } from './cohort-links.ts'
import { findGroups } from './find-groups.ts'
import type { FlowGrant } from './flow-group.ts'
import { flowTimes } from './flow-times.ts'
import { LibraryQueue } from './library-queue.ts'
import { LinkRoom } from './link-room.ts'
import { moveFlows } from './move-flows.ts'
import { PartOffers } from './part-offers.ts'
import { type ShareGround, shareLinks } from './share-links.ts'
import { SpareTime } from './spare-time.ts'
import { StepLength } from './step-length.ts'
import { SwarmState } from './swarm-state.ts'
import { Traffic } from './traffic.ts'

export interface ModelGround {
  readonly table: FleetTable
  /** Changes may change them. */
  readonly rates: LinkRates
  readonly units: readonly UnitInWave[]
  readonly cohorts: readonly Cohort[]
}

export interface ModelOptions {
  /** Seconds until a cohort receives its first byte. */
  readonly startsAt: (cohort: number) => number
  readonly changesOf?: ((state: SwarmState) => readonly ModelChange[]) | undefined
}

/**
 * How layers spread, as a fluid: pieces are so small that a node can pass on what it gets at once. Time goes in steps;
 * in each, links are shared out to groups of flows by rank, and within a group max-min fair (progressive filling).
 * Rates hold until somebody is done or something changes. Lower ranks go first on every link, and what they leave the
 * next ones use.
 */
export class SwarmModel {
  readonly state: SwarmState
  readonly traffic: Traffic
  readonly library: LibraryQueue
  /** By rank: when somebody first receives some of it, in seconds since the model began. NaN: never. */
  readonly opensAt: Float64Array
  readonly #ground: ModelGround
  readonly #share: ShareGround
  readonly #links: CohortLinks
  readonly #spare: SpareTime
  readonly #offers: PartOffers
  readonly #agenda: Agenda
  readonly #steps: StepLength
  #now = 0

  constructor(ground: ModelGround, { startsAt, changesOf }: ModelOptions) {
    const { table, rates, units, cohorts } = ground
    this.#ground = ground
    this.state = new SwarmState(table, cohorts, startsAt)
    this.traffic = new Traffic(rates.rackIn.length)
    this.library = new LibraryQueue(Float64Array.from(table.layers.keys(), (layer) => table.unreadBytes(layer)))
    this.opensAt = new Float64Array(2 * units.length).fill(Number.NaN)
    this.#links = new CohortLinks(this.state, rates)
    this.#spare = new SpareTime(cohorts.length)
    const seedHas = (part: number) => rates.seedUp > 0 && this.library.isReady(layerOfPart(part))
    this.#offers = new PartOffers(this.state, this.#links, seedHas)
    const notBefore = new Set(cohorts.flatMap(({ stages }) => stages.map((stage) => stage.notBefore)))
    this.#agenda = new Agenda([...notBefore, ...[...cohorts.keys()].map(startsAt)], changesOf?.(this.state) ?? [])
    const bound = fluidBound(
      table,
      rates,
      units.map(({ unit }) => unit),
    )
    const stages = cohorts.reduce((most, cohort) => Math.max(most, cohort.stages.length), 0)
    this.#steps = new StepLength(bound.seconds, { stages, cohorts: cohorts.length })
    this.#share = {
      state: this.state,
      links: this.#links,
      room: new LinkRoom(rates.rackIn.length),
      downOf: (cohort) => (this.#links.down[cohort] ?? 0) * this.#spare.factor(cohort),
      steps: this.#steps,
      seedHas,
    }
  }

  /** Goes on until everybody has everything, or nothing can change any more. */
  run(): void {
    const { rates } = this.#ground
    this.#wantFromLibrary()
    for (;;) {
      if (this.#agenda.applyDue(this.#now)) {
        this.#links.measure()
        this.#offers.forget()
        this.#wantFromLibrary()
      }
      while (this.library.secondsToNext(rates.library) === 0) this.library.read(0, rates.library)
      this.#share.room.refill(rates, this.#links.rackUp)
      const { groups, idle } = findGroups(this.state, { now: this.#now, offered: this.#offers.now() })
      for (const cohort of idle) this.#spare.setFree(cohort)
      const grants = groups.map((group) => shareLinks(this.#share, group))
      const toNext = Math.min(this.#agenda.secondsToNext(this.#now), this.library.secondsToNext(rates.library))
      const seconds = Math.min(this.#steps.next(flowTimes(this.state, grants)), toNext)
      if (seconds === Number.POSITIVE_INFINITY) return
      const moved = grants.reduce((bytes, grant) => bytes + this.#move(grant, seconds), 0)
      if (moved === 0 && toNext === Number.POSITIVE_INFINITY) return
      this.library.read(seconds, rates.library)
      this.#now += seconds
      this.#spare.advance(this.#now)
      if (seconds === toNext) this.#spare.forget()
    }
  }

  /** The seed reads what no node has, in order of rank. */
  #wantFromLibrary(): void {
    const { units, table } = this.#ground
    for (const { unit } of units) {
      const parts = [bootPart(unit.layer), restPart(unit.layer)]
      const isMissing = (part: number) => this.state.bytesOf(part) > 0 && !this.#links.hasHolders(part)
      if (table.unreadBytes(unit.layer) > 0 && parts.some(isMissing)) this.library.want(unit.layer)
    }
  }

  /** Returns the bytes that nodes received. */
  #move(grant: FlowGrant, seconds: number): number {
    const { part, rank } = grant.group
    if (grant.rate > 0 && Number.isNaN(this.opensAt[rank])) this.opensAt[rank] = this.#now
    const received = moveFlows({ state: this.state, links: this.#links, spare: this.#spare }, grant, seconds)
    this.traffic.add(grant, received)
    this.#offers.forget(part)
    return received.reduce((sum, bytes) => sum + bytes, 0)
  }
}
