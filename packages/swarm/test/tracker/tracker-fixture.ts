import { ManualClock, seededRandom } from '@shoal/core'
import type { Announce } from '../../src/tracker/tracked-peer.ts'
import { type TrackerAnswer, TrackerTable, type TrackerTableLimits } from '../../src/tracker/tracker-table.ts'

export const INFO_HASH = 'ab'.repeat(20)
export const REST_MS = 30_000

export function announceOf(address: string, change: Partial<Announce> = {}): Announce {
  return {
    ...{ event: 'update', address, isNode: true, isOrigin: false, isSource: true, zone: '', rack: '' },
    ...{ leftKib: 100, wanted: 50, source: address, isFromAddress: true, compact: new Uint8Array(6) },
    ...change,
  }
}

/** A table on a clock that stands still, and what its peers are told. */
export class TableFixture {
  readonly clock = new ManualClock(1_000_000)
  readonly random: () => number
  readonly table: TrackerTable
  /** The last answer to each, as addresses. */
  readonly told = new Map<string, string[]>()

  constructor({ seed = 1, limits }: { seed?: number; limits?: TrackerTableLimits } = {}) {
    this.random = seededRandom(seed)
    this.table = new TrackerTable({ clock: this.clock, random: this.random }, { restMs: REST_MS, limits })
  }

  answer(address: string, change: Partial<Announce> = {}, infoHash = INFO_HASH): TrackerAnswer {
    const answer = this.table.announce(infoHash, announceOf(address, change))
    if (answer === undefined) throw new Error(`${address} was refused`)
    return answer
  }

  /** Announces, and gives the addresses that came back. */
  announce(address: string, change: Partial<Announce> = {}): string[] {
    const told = this.answer(address, change).peers.map((peer) => peer.address)
    this.told.set(address, told)
    return told
  }
}
