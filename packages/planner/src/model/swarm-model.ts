import type { FleetTable } from '../fleet-table.ts'
import { fluidBound } from '../fluid-bound.ts'
import type { LinkRates } from '../link-rates.ts'
import type { UnitInWave } from '../waves.ts'
import { Agenda, type ModelChange } from './agenda.ts'
import { bootPart, type Cohort, layerOfPart, restPart } from './cohort.ts'
import { type FlowGrant, type FlowGroup, freshRate } from './flow-group.ts'
import { LibraryQueue } from './library-queue.ts'
import { LinkRoom } from './link-room.ts'
import { HolderIndex } from './part-holders.ts'
import { type ShareGround, shareLinks } from './share-links.ts'
import { StepLength } from './step-length.ts'
import { SwarmState } from './swarm-state.ts'
import { Traffic } from './traffic.ts'

/** Whose lead is less than this has nothing to pass on. */
const ONE_BYTE = 1

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
 * How layers spread, as a fluid: pieces are so small that a node can pass on what it gets at once. Time goes in steps; in each, links
 * are shared out to groups of flows by rank, and within a group max-min fair (progressive filling). Rates hold until somebody is done
 * or something changes. Lower ranks go first on every link, and what they leave the next ones use.
 */
export class SwarmModel {
  readonly state: SwarmState
  readonly traffic: Traffic
  readonly library: LibraryQueue
  /** By rank: when somebody first receives some of it, in seconds since the model began. NaN: never. */
  readonly opensAt: Float64Array
  readonly #ground: ModelGround
  readonly #share: ShareGround
  readonly #holders: HolderIndex
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
    this.#holders = new HolderIndex(this.state)
    const notBefore = new Set(cohorts.flatMap(({ stages }) => stages.map((stage) => stage.notBefore)))
    this.#agenda = new Agenda([...notBefore, ...[...cohorts.keys()].map(startsAt)], changesOf?.(this.state) ?? [])
    const bound = fluidBound(
      table,
      rates,
      units.map(({ unit }) => unit),
    )
    const stages = cohorts.reduce((most, cohort) => Math.max(most, cohort.stages.length), 0)
    this.#steps = new StepLength(bound.seconds, stages)
    this.#share = {
      state: this.state,
      room: new LinkRoom(rates, cohorts),
      downOf: (cohort) => rates.nodeDown[cohorts[cohort]?.nodes[0] ?? 0] ?? 0,
      catchUpSeconds: this.#steps.shortest,
      holdersOf: (part) => this.#holders.of(part),
      seedHas: (part) => rates.seedUp > 0 && this.library.isReady(layerOfPart(part)),
    }
  }

  /** Goes on until everybody has everything, or nothing can change any more. */
  run(): void {
    const { rates, cohorts } = this.#ground
    this.#wantFromLibrary()
    for (;;) {
      if (this.#agenda.applyDue(this.#now)) {
        this.#holders.forget()
        this.#wantFromLibrary()
      }
      while (this.library.secondsToNext(rates.library) === 0) this.library.read(0, rates.library)
      this.#share.room.refill(rates, cohorts, (cohort) => this.state.isAlive(cohort))
      const grants = this.#groups().map((group) => shareLinks(this.#share, group))
      const toNext = Math.min(this.#agenda.secondsToNext(this.#now), this.library.secondsToNext(rates.library))
      const seconds = Math.min(this.#steps.next(this.#secondsToDone(grants)), toNext)
      if (seconds === Number.POSITIVE_INFINITY) return
      const moved = grants.reduce((bytes, grant) => bytes + this.#move(grant, seconds), 0)
      if (moved === 0 && toNext === Number.POSITIVE_INFINITY) return
      this.library.read(seconds, rates.library)
      this.#now += seconds
    }
  }

  /** The seed reads what no node has, in order of rank. */
  #wantFromLibrary(): void {
    const { units, table } = this.#ground
    for (const { unit } of units) {
      const parts = [bootPart(unit.layer), restPart(unit.layer)]
      const isMissing = (part: number) => this.state.bytesOf(part) > 0 && this.#holders.of(part).holders.length === 0
      if (table.unreadBytes(unit.layer) > 0 && parts.some(isMissing)) this.library.want(unit.layer)
    }
  }

  /** Who fetches what now, by rank. */
  #groups(): FlowGroup[] {
    const groups = new Map<number, FlowGroup & { cohorts: number[] }>()
    // What each part's best incomplete node has that others could get from it; infinite when a holder or the seed has all.
    const offered = Float64Array.from({ length: 2 * this.#ground.table.layers.length }, (_, part) => {
      const { holders, mostGot } = this.#holders.of(part)
      return this.#share.seedHas(part) || holders.length > 0 ? Number.POSITIVE_INFINITY : mostGot - ONE_BYTE
    })
    const canBeHad = (cohort: number, part: number) => (offered[part] ?? 0) > this.state.got(cohort, part)
    for (const cohort of this.#ground.cohorts.keys()) {
      const stage = this.state.stageOf(cohort, this.#now, canBeHad)
      if (stage === undefined) continue
      const group = groups.get(stage.rank)
      if (group === undefined) groups.set(stage.rank, { part: stage.part, rank: stage.rank, cohorts: [cohort] })
      else group.cohorts.push(cohort)
    }
    return [...groups.values()].sort((a, b) => a.rank - b.rank)
  }

  /** Until the first flow is done; infinite when nothing moves. */
  #secondsToDone(grants: readonly FlowGrant[]): number {
    let least = Number.POSITIVE_INFINITY
    for (const { group, racks } of grants) {
      for (const { cohorts, rates } of racks) {
        for (const [index, cohort] of cohorts.entries()) {
          const rate = rates[index] ?? 0
          if (rate > 0) least = Math.min(least, this.state.lacking(cohort, group.part) / rate)
        }
      }
    }
    return least
  }

  /** Returns the bytes that nodes received. */
  #move(grant: FlowGrant, seconds: number): number {
    const { part, rank } = grant.group
    if (grant.rate > 0 && Number.isNaN(this.opensAt[rank])) this.opensAt[rank] = this.#now
    const received = grant.racks.map((flows) => {
      // Nobody gets ahead of what the rack and the swarm can have by now.
      const ceiling = Math.min(
        flows.frontBytes + freshRate(flows) * seconds,
        grant.frontBytes + grant.freshRate * seconds,
      )
      let bytes = 0
      for (const [index, cohort] of flows.cohorts.entries()) {
        const rate = flows.rates[index] ?? 0
        if (rate === 0) continue
        const takes = Math.min(seconds, this.state.lacking(cohort, part) / rate)
        const most = Math.min(rate * seconds, Math.max(0, ceiling - this.state.got(cohort, part)))
        const weight = this.state.weight(cohort, part)
        bytes += this.state.receive(cohort, part, most, this.#now + takes) * weight
      }
      return bytes
    })
    this.traffic.add(grant, received)
    this.#holders.forget(part)
    return received.reduce((sum, bytes) => sum + bytes, 0)
  }
}
