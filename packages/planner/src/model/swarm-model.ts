import type { FleetTable } from '../fleet-table.ts'
import { fluidBound } from '../fluid-bound.ts'
import type { LinkRates } from '../link-rates.ts'
import type { UnitInWave } from '../waves.ts'
import { Agenda, type ModelChange } from './agenda.ts'
import { bootPart, type Cohort, layerOfPart, restPart } from './cohort.ts'
import { CohortLinks } from './cohort-links.ts'
import { type FlowGrant, type FlowGroup, freshRate } from './flow-group.ts'
import { LibraryQueue } from './library-queue.ts'
import { LinkRoom } from './link-room.ts'
import { type ShareGround, shareLinks } from './share-links.ts'
import { SpareTime } from './spare-time.ts'
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
  readonly #links: CohortLinks
  readonly #spare: SpareTime
  /** By part: the most that any living cohort has of it. NaN: to be looked up. */
  readonly #mostGot: Float64Array
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
    const parts = 2 * table.layers.length
    this.#links = new CohortLinks(this.state, rates, parts)
    this.#spare = new SpareTime(cohorts.length)
    this.#mostGot = new Float64Array(parts).fill(Number.NaN)
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
      catchUpSeconds: this.#steps.shortest,
      seedHas: (part) => rates.seedUp > 0 && this.library.isReady(layerOfPart(part)),
    }
  }

  /** Goes on until everybody has everything, or nothing can change any more. */
  run(): void {
    const { rates } = this.#ground
    this.#wantFromLibrary()
    for (;;) {
      if (this.#agenda.applyDue(this.#now)) {
        this.#links.measure()
        this.#mostGot.fill(Number.NaN)
        this.#wantFromLibrary()
      }
      while (this.library.secondsToNext(rates.library) === 0) this.library.read(0, rates.library)
      this.#share.room.refill(rates, this.#links.rackUp)
      const grants = this.#groups().map((group) => shareLinks(this.#share, group))
      const toNext = Math.min(this.#agenda.secondsToNext(this.#now), this.library.secondsToNext(rates.library))
      const seconds = Math.min(this.#steps.next(this.#secondsToDone(grants)), toNext)
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

  /** Who fetches what now, by rank. */
  #groups(): FlowGroup[] {
    const groups = new Map<number, FlowGroup & { cohorts: number[] }>()
    const offered = this.#mostGot.map((_, part) => this.#offered(part))
    const canBeHad = (cohort: number, part: number) => (offered[part] ?? 0) > this.state.got(cohort, part)
    for (const cohort of this.#ground.cohorts.keys()) {
      const stage = this.state.stageOf(cohort, this.#now, canBeHad)
      if (stage === undefined) this.#spare.setFree(cohort)
      if (stage === undefined) continue
      const group = groups.get(stage.rank)
      if (group === undefined) groups.set(stage.rank, { part: stage.part, rank: stage.rank, cohorts: [cohort] })
      else group.cohorts.push(cohort)
    }
    return [...groups.values()].sort((a, b) => a.rank - b.rank)
  }

  /** How much of a part others can get: all, if the seed or a node has it; else what the node has that has the most. */
  #offered(part: number): number {
    if (this.#share.seedHas(part) || this.#links.hasHolders(part)) return Number.POSITIVE_INFINITY
    if (Number.isNaN(this.#mostGot[part])) this.#mostGot[part] = this.state.mostGot(part)
    return (this.#mostGot[part] ?? 0) - ONE_BYTE
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
        if (rate === 0) {
          this.#spare.setFree(cohort)
          continue
        }
        const flow = { rate, down: this.#links.down[cohort] ?? 0 }
        const most = Math.max(0, ceiling - this.state.got(cohort, part))
        const takes = Math.min(most, this.#spare.mostBytes(cohort, flow, seconds), this.state.lacking(cohort, part))
        const share = this.state.completeShare(cohort, part)
        const doneAt = this.#spare.finishAt(cohort, flow, takes)
        const added = this.state.receive(cohort, part, takes, doneAt)
        const isDone = this.state.isComplete(cohort, part)
        if (isDone) this.#links.complete(cohort, part, share)
        this.#spare.setFree(cohort, isDone ? doneAt : undefined)
        bytes += added * this.state.weight(cohort, part)
      }
      return bytes
    })
    this.traffic.add(grant, received)
    this.#mostGot[part] = Number.NaN
    return received.reduce((sum, bytes) => sum + bytes, 0)
  }
}
