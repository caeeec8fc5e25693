import type { FlowGrant, FlowGroup, RackFlows } from './flow-group.ts'
import { limitImport, limitToFront, type RackGround, shareRack } from './rack-flows.ts'
import { takeRoom } from './take-room.ts'
import { waterLevel } from './water-level.ts'

export interface ShareGround extends RackGround {
  readonly seedHas: (part: number) => boolean
  /** Of one node of a cohort, with what it has to make up for. */
  readonly downOf: (cohort: number) => number
}

/**
 * Gives a group its rates and takes them from what links have left. The seed sends what is new once, and more only
 * where the upload of nodes does not suffice; each rack takes one copy over its uplink, and more only where its own
 * nodes do not suffice; all that nodes get has to be sent by somebody.
 */
export function shareLinks(ground: ShareGround, group: FlowGroup): FlowGrant {
  const { state, links, room } = ground
  const { part, cohorts } = group
  const counts = cohorts.map((cohort) => links.nodes[cohort] ?? 0)
  const rates = cohorts.map(ground.downOf)
  let [frontBytes, fastestDown] = [0, 0]
  for (let index = 0; index < cohorts.length; index += 1) {
    frontBytes = Math.max(frontBytes, state.got(cohorts[index] ?? 0, part))
    fastestDown = Math.max(fastestDown, rates[index] ?? 0)
  }
  const holdersUp = room.lookUpHolders(links, part)
  const seedUp = ground.seedHas(part) ? room.seedUp : 0
  const freshRate = holdersUp + Math.min(seedUp, Math.max(0, fastestDown - holdersUp))
  const supply = { part, cohorts, counts, rates, freshRate, frontBytes }
  const racks: RackFlows[] = []
  for (let from = 0; from < cohorts.length; from = racks.at(-1)?.to ?? cohorts.length) {
    const rack = links.rackOf[cohorts[from] ?? 0] ?? 0
    let to = from + 1
    while (to < cohorts.length && links.rackOf[cohorts[to] ?? 0] === rack) to += 1
    racks.push(shareRack(ground, supply, { rack, from, to }))
  }
  // What nodes outside the group send is what its racks do not count as their own.
  for (const { rack } of racks) room.holdersUp[rack] = 0
  const grant: FlowGrant = { group, counts, rates, racks, frontBytes, freshRate, seedRate: 0, rate: 0 }
  limitExports(ground, grant, seedUp)
  const elsewhere = room.sumOfHolders()
  const peersUp = racks.reduce((sum, { upHere }) => sum + upHere, elsewhere)
  limitTotal(grant, Math.min(seedUp + peersUp, room.plan))
  let fastest = 0
  for (const rate of rates) fastest = Math.max(fastest, rate)
  const injected = Math.min(seedUp, Math.max(0, fastest - holdersUp), grant.rate)
  grant.seedRate = Math.min(seedUp, Math.max(injected, grant.rate - peersUp))
  takeRoom(room, grant, elsewhere)
  return grant
}

/** What comes into racks has to leave the seed or another rack. */
function limitExports({ state, room, steps }: ShareGround, grant: FlowGrant, seedUp: number): void {
  const { racks } = grant
  const supply = { ...grant.group, rates: grant.rates }
  let [exportable, imported] = [seedUp, 0]
  for (const { rack, upHere, importRate } of racks) {
    exportable += Math.min(room.rackOut[rack] ?? 0, upHere)
    imported += importRate
  }
  for (let rack = 0; rack < room.holdersUp.length; rack += 1) {
    exportable += Math.min(room.rackOut[rack] ?? 0, room.holdersUp[rack] ?? 0)
  }
  if (imported <= exportable) return
  for (const flows of racks) {
    const uplink = (flows.importRate * exportable) / imported
    flows.acrossRate = Math.min(flows.acrossRate, uplink)
    limitToFront(state, supply, { flows, catchUpSeconds: steps.shortest })
    limitImport(grant, flows, uplink)
  }
}

/** Of what is short, every node gets the same, or less if its own link carries less. */
function limitTotal(grant: FlowGrant, supply: number): void {
  const { racks, rates, counts } = grant
  const rateOf = () => racks.reduce((sum, { rate }) => sum + rate, 0)
  grant.rate = rateOf()
  if (grant.rate <= supply) return
  const level = waterLevel({ rates, counts, from: 0, to: rates.length }, supply)
  for (const [index, rate] of rates.entries()) rates[index] = Math.min(rate, level)
  for (const flows of racks) limitImport(grant, flows, flows.importRate)
  grant.rate = rateOf()
}
