import type { FlowGrant, FlowGroup, RackFlows } from './flow-group.ts'
import { rackRate } from './flow-group.ts'
import type { PartHolder, PartHolders } from './part-holders.ts'
import { limitImport, type RackGround, shareRack } from './rack-flows.ts'
import { waterLevel } from './water-level.ts'

export interface ShareGround extends RackGround {
  /** Who has all of a part, and the most that others have. */
  readonly holdersOf: (part: number) => PartHolders
  readonly seedHas: (part: number) => boolean
}

/**
 * Gives a group its rates and takes them from what links have left. The seed sends what is new once, and more only where the upload
 * of nodes does not suffice; each rack takes one copy over its uplink, and more only where its own nodes do not suffice; all that
 * nodes get has to be sent by somebody.
 */
export function shareLinks(ground: ShareGround, group: FlowGroup): FlowGrant {
  const { state, room, downOf } = ground
  const { part, cohorts } = group
  const { holders, mostGot: frontBytes } = ground.holdersOf(part)
  const holdersUpOf = new Map<number, number>()
  const idleUpOf = new Map<number, number>()
  let holdersUp = 0
  for (const { cohort, share } of holders) {
    const rack = state.cohorts[cohort]?.rack ?? 0
    const up = (room.up[cohort] ?? 0) * share
    holdersUp += up
    holdersUpOf.set(rack, (holdersUpOf.get(rack) ?? 0) + up)
    // A cohort of which only some have all of it may be in the group itself, where all of its upload counts.
    if (share === 1) idleUpOf.set(rack, (idleUpOf.get(rack) ?? 0) + up)
  }
  const fastestDown = cohorts.reduce((most, cohort) => Math.max(most, downOf(cohort)), 0)
  const seedUp = ground.seedHas(part) ? room.seedUp : 0
  const freshRate = holdersUp + Math.min(seedUp, Math.max(0, fastestDown - holdersUp))
  let racks = byRack(ground, cohorts).map((flows) =>
    shareRack(
      ground,
      {
        part,
        freshRate,
        frontBytes,
        holdersUp: holdersUpOf.get(flows.rack) ?? 0,
        idleUp: idleUpOf.get(flows.rack) ?? 0,
      },
      flows,
    ),
  )
  racks = limitExports(ground, racks, { part, seedUp, idleUpOf })
  const peersUp = racks.reduce((sum, flows) => sum + flows.upHere, outside(idleUpOf, racks))
  racks = limitTotal(racks, Math.min(seedUp + peersUp, room.plan))
  const rate = racks.reduce((sum, flows) => sum + rackRate(flows), 0)
  const fastest = racks.flatMap(({ rates }) => rates).reduce((most, one) => Math.max(most, one), 0)
  const injected = Math.min(seedUp, Math.max(0, fastest - holdersUp), rate)
  const seedRate = Math.min(seedUp, Math.max(injected, rate - peersUp))
  const grant = { group, racks, frontBytes, freshRate, seedRate, rate }
  take(ground, grant, holders)
  return grant
}

/** Cohorts come in order of rack. */
function byRack({ state }: ShareGround, cohorts: readonly number[]): { rack: number; cohorts: number[] }[] {
  const racks: { rack: number; cohorts: number[] }[] = []
  for (const cohort of cohorts) {
    const rack = state.cohorts[cohort]?.rack ?? 0
    const last = racks.at(-1)
    if (last?.rack === rack) last.cohorts.push(cohort)
    else racks.push({ rack, cohorts: [cohort] })
  }
  return racks
}

/** What comes into racks has to leave the seed or another rack. */
function limitExports(
  { state, room, catchUpSeconds }: ShareGround,
  racks: RackFlows[],
  { part, seedUp, idleUpOf }: { part: number; seedUp: number; idleUpOf: ReadonlyMap<number, number> },
): RackFlows[] {
  const inGroup = new Set(racks.map(({ rack }) => rack))
  const out = (rack: number, up: number) => Math.min(room.rackOut[rack] ?? 0, up)
  let exportable = seedUp
  for (const { rack, upHere } of racks) exportable += out(rack, upHere)
  for (const [rack, up] of idleUpOf) if (!inGroup.has(rack)) exportable += out(rack, up)
  const imported = racks.reduce((sum, { importRate }) => sum + importRate, 0)
  if (imported <= exportable) return racks
  const share = exportable / imported
  return racks.map((flows) => {
    const uplink = flows.importRate * share
    const acrossRate = Math.min(flows.acrossRate, uplink)
    const rates = flows.rates.map((rate, index) => {
      const behind = (flows.frontBytes - state.got(flows.cohorts[index] ?? 0, part)) / catchUpSeconds
      return Math.min(rate, acrossRate + flows.holdersUp + behind)
    })
    return limitImport({ ...flows, rates, acrossRate }, uplink)
  })
}

function limitTotal(racks: RackFlows[], supply: number): RackFlows[] {
  const wanted = racks.reduce((sum, flows) => sum + rackRate(flows), 0)
  if (wanted <= supply) return racks
  const all = { rates: racks.flatMap(({ rates }) => rates), counts: racks.flatMap(({ counts }) => counts) }
  const level = waterLevel(all.rates, all.counts, supply)
  return racks.map((flows) => {
    const rates = flows.rates.map((rate) => Math.min(rate, level))
    return limitImport({ ...flows, rates }, flows.importRate)
  })
}

/** Upload of holders in racks where nobody of the group is. */
function outside(idleUpOf: ReadonlyMap<number, number>, racks: readonly RackFlows[]): number {
  const inGroup = new Set(racks.map(({ rack }) => rack))
  return [...idleUpOf].reduce((sum, [rack, up]) => (inGroup.has(rack) ? sum : sum + up), 0)
}

/** The group's own upload is used first, that of holders after it. */
function take(
  { room }: ShareGround,
  { group, racks, seedRate, rate }: FlowGrant,
  holders: readonly PartHolder[],
): void {
  room.seedUp -= seedRate
  room.plan -= rate
  const imported = racks.reduce((sum, { importRate }) => sum + importRate, 0)
  const sentAcross = Math.max(0, imported - seedRate)
  const up = racks.reduce((sum, { upHere }) => sum + upHere, 0)
  for (const { rack, importRate, upHere } of racks) {
    room.rackIn[rack] = Math.max(0, (room.rackIn[rack] ?? 0) - importRate)
    if (up > 0) room.rackOut[rack] = Math.max(0, (room.rackOut[rack] ?? 0) - (sentAcross * upHere) / up)
  }
  let fromPeers = rate - seedRate
  const idle = holders.flatMap(({ cohort, share }) => (share === 1 ? [cohort] : []))
  for (const cohorts of [group.cohorts, idle]) {
    const all = cohorts.reduce((sum, cohort) => sum + (room.up[cohort] ?? 0), 0)
    if (all === 0) continue
    const left = 1 - Math.min(1, fromPeers / all)
    for (const cohort of cohorts) room.up[cohort] = (room.up[cohort] ?? 0) * left
    fromPeers = Math.max(0, fromPeers - all)
  }
}
