import type { FlowGrant } from './flow-group.ts'
import type { LinkRoom } from './link-room.ts'

/**
 * Takes from what links have left what was granted to a group. What is sent within a rack its nodes send; what is sent
 * between racks all send who have it, by what they can. `room.holdersUp` is what nodes in racks where nobody of the
 * group is can send, and `elsewhere` the sum of it.
 */
export function takeRoom(room: LinkRoom, { racks, seedRate, rate }: FlowGrant, elsewhere: number): void {
  room.seedUp -= seedRate
  room.plan -= rate
  let [imported, spare] = [0, elsewhere]
  for (const flows of racks) {
    imported += flows.importRate
    spare += Math.max(0, flows.upHere - Math.max(0, flows.rate - flows.importRate))
  }
  const share = spare === 0 ? 0 : Math.min(1, Math.max(0, imported - seedRate) / spare)
  for (const { rack, importRate, upHere, rate: received } of racks) {
    const within = Math.max(0, received - importRate)
    const across = Math.max(0, upHere - within) * share
    room.rackIn[rack] = left(room.rackIn[rack], importRate)
    room.rackOut[rack] = left(room.rackOut[rack], across)
    room.up[rack] = left(room.up[rack], within + across)
  }
  if (elsewhere === 0 || share === 0) return
  for (let rack = 0; rack < room.holdersUp.length; rack += 1) {
    const across = (room.holdersUp[rack] ?? 0) * share
    room.rackOut[rack] = left(room.rackOut[rack], across)
    room.up[rack] = left(room.up[rack], across)
  }
}

function left(some = 0, taken: number): number {
  return Math.max(0, some - taken)
}
