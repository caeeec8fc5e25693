import { type Clock, MIN_TRANSFER_BYTES_PER_SECOND } from '@shoal/core'

export interface RackNode {
  readonly node: string
  /** Told apart from every other rack of the fleet; empty: in none. */
  readonly rack: string
  readonly isAlive: boolean
  /** Whether something is missing that it should hold. */
  readonly isFetching: boolean
}

/** The most a node may send out of its rack, and receive into it. Bytes per second; null: no limit. */
export interface RackShare {
  readonly up: number | null
  readonly down: number | null
}

export interface RackSharesDeps {
  /** Every node that is registered. */
  nodes(): Iterable<RackNode>
  uplinkBytesPerSecond(): number | null
  /** A steady one. */
  readonly clock: Clock
}

export interface RackShares {
  /** What the node was given last. */
  ofNode(node: string): RackShare
  /** Divides anew where it is time; gives the nodes whose share is another now, which are to be told. */
  refresh(): string[]
}

interface Given extends RackShare {
  readonly rack: string
  readonly up: number
  readonly down: number
}

const NO_SHARE: RackShare = { up: null, down: null }
/** Each change makes nodes fetch their desired state. */
const LEAST_MS = 2000
const LEAST_GAIN = 0.05

/**
 * Divides the uplink of each rack among its nodes. A share grows only by 5 % or more. It is lowered however little that
 * is, since others have the rest by then. A rack is divided anew at most every 2 s, except for a node that has no share
 * yet and for another uplink.
 */
export function createRackShares({ nodes, uplinkBytesPerSecond, clock }: RackSharesDeps): RackShares {
  const given = new Map<string, Given>()
  const dividedAt = new Map<string, number>()
  let dividedUplink: number | null = null

  /** Gives the nodes of one rack their shares, and says which are other ones. */
  const divide = (rack: string, members: readonly RackNode[], uplink: number): string[] => {
    const mustRest =
      uplink === dividedUplink && clock.elapsed() - (dividedAt.get(rack) ?? Number.NEGATIVE_INFINITY) < LEAST_MS
    const shareOf = shareUplink(members, uplink)
    let isDivided = false
    const told: string[] = []
    for (const member of members) {
      if (!member.isAlive) continue
      const { node } = member
      const before = given.get(node)
      const share = shareOf(member)
      const isNew = before?.rack !== rack
      if (!isNew && (mustRest || !isOther(before, share))) continue
      given.set(node, { rack, ...share })
      told.push(node)
      isDivided ||= !isNew
    }
    if (isDivided) dividedAt.set(rack, clock.elapsed())
    return told
  }

  return {
    ofNode(node) {
      const { up, down } = given.get(node) ?? NO_SHARE
      return { up, down }
    },
    refresh() {
      const uplink = uplinkBytesPerSecond()
      if (uplink === null && given.size === 0) return []
      const registered = [...nodes()]
      const racks = byRack(uplink === null ? [] : registered)
      const told = [...racks].flatMap(([rack, members]) => divide(rack, members, uplink ?? 0))
      const isMember = (node: RackNode) => uplink !== null && node.rack !== ''
      const without = registered.filter((node) => !isMember(node) && given.has(node.node)).map(({ node }) => node)
      const members = new Set(registered.filter(isMember).map(({ node }) => node))
      for (const node of given.keys()) if (!members.has(node)) given.delete(node)
      for (const rack of dividedAt.keys()) if (!racks.has(rack)) dividedAt.delete(rack)
      dividedUplink = uplink
      return [...told, ...without]
    },
  }
}

/**
 * The share of each live node of a rack. All of them have an equal part of what goes out. Those that fetch have an equal
 * part of what comes in; the others are kept to an equal part among all, so that one that begins takes little from those
 * until it is counted among them.
 */
function shareUplink(
  members: readonly RackNode[],
  uplinkBytesPerSecond: number,
): (node: Pick<RackNode, 'isFetching'>) => { up: number; down: number } {
  const alive = members.filter(({ isAlive }) => isAlive)
  const part = (count: number) => Math.max(Math.floor(uplinkBytesPerSecond / count), MIN_TRANSFER_BYTES_PER_SECOND)
  const ofAll = part(alive.length)
  const ofFetching = part(alive.filter(({ isFetching }) => isFetching).length)
  return ({ isFetching }) => ({ up: ofAll, down: isFetching ? ofFetching : ofAll })
}

function byRack(nodes: Iterable<RackNode>): Map<string, RackNode[]> {
  const racks = new Map<string, RackNode[]>()
  for (const node of nodes) {
    if (node.rack === '') continue
    const members = racks.get(node.rack)
    if (members === undefined) racks.set(node.rack, [node])
    else members.push(node)
  }
  return racks
}

function isOther(before: Given, now: { readonly up: number; readonly down: number }): boolean {
  return isOtherRate(before.up, now.up) || isOtherRate(before.down, now.down)
}

function isOtherRate(before: number, now: number): boolean {
  return now < before || now >= before * (1 + LEAST_GAIN)
}
