import { type FlowGrant, type FlowGroup, type RackFlows, rackRate } from './flow-group.ts'
import { limitImport, type RackGround, shareRack } from './rack-flows.ts'
import { waterLevel } from './water-level.ts'

export interface ShareGround extends RackGround {
  readonly seedHas: (part: number) => boolean
}

/** Upload that is not the group's, of nodes that have all of its part. */
interface IdleUpload {
  readonly rack: number
  readonly up: number
}

/**
 * Gives a group its rates and takes them from what links have left. The seed sends what is new once, and more only where the upload
 * of nodes does not suffice; each rack takes one copy over its uplink, and more only where its own nodes do not suffice; all that
 * nodes get has to be sent by somebody.
 */
export function shareLinks(ground: ShareGround, group: FlowGroup): FlowGrant {
  const { state, links, room, downOf } = ground
  const { part, cohorts } = group
  const flowsOf = byRack(ground, cohorts)
  const inGroup = new Set(flowsOf.map(({ rack }) => rack))
  const elsewhere: IdleUpload[] = []
  let holdersUp = 0
  for (let rack = 0; rack < room.up.length && links.hasHolders(part); rack += 1) {
    const up = Math.min(room.up[rack] ?? 0, links.holdersUp(part, rack))
    holdersUp += up
    if (up > 0 && !inGroup.has(rack)) elsewhere.push({ rack, up })
  }
  let [frontBytes, fastestDown] = [0, 0]
  for (const cohort of cohorts) {
    frontBytes = Math.max(frontBytes, state.got(cohort, part))
    fastestDown = Math.max(fastestDown, downOf(cohort))
  }
  const seedUp = ground.seedHas(part) ? room.seedUp : 0
  const freshRate = holdersUp + Math.min(seedUp, Math.max(0, fastestDown - holdersUp))
  let racks = flowsOf.map((flows) => shareRack(ground, { part, freshRate, frontBytes }, flows))
  racks = limitExports(ground, racks, { part, seedUp, elsewhere })
  const peersUp = [...racks.map(({ upHere }) => upHere), ...elsewhere.map(({ up }) => up)].reduce((a, b) => a + b, 0)
  racks = limitTotal(racks, Math.min(seedUp + peersUp, room.plan))
  let [rate, fastest] = [0, 0]
  for (const flows of racks) {
    rate += rackRate(flows)
    for (const one of flows.rates) fastest = Math.max(fastest, one)
  }
  const injected = Math.min(seedUp, Math.max(0, fastest - holdersUp), rate)
  const seedRate = Math.min(seedUp, Math.max(injected, rate - peersUp))
  const grant = { group, racks, frontBytes, freshRate, seedRate, rate }
  take(ground, grant, elsewhere)
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
  { part, seedUp, elsewhere }: { part: number; seedUp: number; elsewhere: readonly IdleUpload[] },
): RackFlows[] {
  let exportable = seedUp
  for (const { rack, upHere } of racks) exportable += Math.min(room.rackOut[rack] ?? 0, upHere)
  for (const { rack, up } of elsewhere) exportable += Math.min(room.rackOut[rack] ?? 0, up)
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

/** What is sent within a rack its nodes send; what is sent between racks all send who have it, by what they can. */
function take({ room }: ShareGround, grant: FlowGrant, elsewhere: readonly IdleUpload[]): void {
  const { racks, seedRate, rate } = grant
  room.seedUp -= seedRate
  room.plan -= rate
  const senders = racks.map((flows) => {
    const within = Math.max(0, rackRate(flows) - flows.importRate)
    return { rack: flows.rack, within, spare: Math.max(0, flows.upHere - within) }
  })
  senders.push(...elsewhere.map(({ rack, up }) => ({ rack, within: 0, spare: up })))
  const imported = racks.reduce((sum, { importRate }) => sum + importRate, 0)
  const spare = senders.reduce((sum, one) => sum + one.spare, 0)
  const share = spare === 0 ? 0 : Math.min(1, Math.max(0, imported - seedRate) / spare)
  for (const { rack, importRate } of racks) room.rackIn[rack] = left(room.rackIn[rack], importRate)
  for (const { rack, within, ...sender } of senders) {
    room.rackOut[rack] = left(room.rackOut[rack], sender.spare * share)
    room.up[rack] = left(room.up[rack], within + sender.spare * share)
  }
}

function left(some = 0, taken: number): number {
  return Math.max(0, some - taken)
}
