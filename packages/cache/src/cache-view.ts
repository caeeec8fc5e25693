import type { Clock, Digest } from '@shoal/core'
import type { Replicas } from './cache-entry.ts'
import type { HeldLayer } from './held-layer.ts'
import { isExpired, type Pin } from './pin.ts'
import type { Pins } from './pins.ts'
import type { Reservations } from './reservations.ts'
import { type FileSystemSpace, limitBytes, type SpaceLimit } from './space-limit.ts'
import type { Stock, StockFile, StockLayer } from './stock.ts'
import type { UseHistory } from './use-history.ts'

/** A remnant may occupy so much more than its boot part: blocks are kept whole, and their hashes are files, too. */
const REMNANT_SLACK_BYTES = 512 * 1024
const REMNANT_SLACK_SHARE = 0.25

/**
 * Pins of a layer beside the durable ones: of plans and composed disks. Some may hold only while room is wanted under a
 * certain name.
 */
export type PinsOf = (digest: Digest, roomFor?: string) => readonly Pin[]

export interface CacheViewDeps {
  readonly stock: Stock
  readonly pins: Pick<Pins, 'all'>
  readonly history: Pick<UseHistory, 'arrived' | 'entry'>
  readonly reservations: Pick<Reservations, 'promised'>
  readonly replicas: (digest: Digest) => Replicas
  readonly pinsOf?: PinsOf | undefined
  readonly clock: Clock
}

/** What came to light about layers during one attempt to evict some. */
export interface Findings {
  /** Processes that have a layer open. */
  readonly users: Map<Digest, readonly Pin[]>
  /** What was evicted, with the bytes that were left of each. */
  readonly evicted: Map<Digest, number>
  /** The name under which room is wanted: what has it does not go for itself. */
  readonly roomFor: string | undefined
}

/** What is on a node, as it was at one moment. Bytes. */
export interface CacheView {
  readonly held: readonly HeldLayer[]
  readonly others: readonly StockFile[]
  readonly fileSystem: FileSystemSpace
  readonly limitBytes: number
  /** What layers and others occupy, by name. */
  readonly occupied: ReadonlyMap<string, number>
  readonly promised: ReadonlyMap<string, number>
  /** Promised beyond what is occupied. */
  readonly reservedBytes: number
  /** Occupied and reserved. */
  readonly takenBytes: number
}

export async function lookAtCache(deps: CacheViewDeps, limit: SpaceLimit, found: Findings): Promise<CacheView> {
  const { stock, history, clock } = deps
  // Promises are read first: one that ends while the stock is read counts, rather than neither it nor what it was for.
  const promised = deps.reservations.promised()
  const [layers, others, fileSystem] = await Promise.all([stock.layers(), stock.others(), stock.space()])
  const occupied = new Map<string, number>()
  const occupy = (name: string, bytes: number) => occupied.set(name, (occupied.get(name) ?? 0) + bytes)
  for (const { digest, allocatedBytes } of layers) occupy(digest, allocatedBytes)
  for (const { name, allocatedBytes } of others) occupy(name, allocatedBytes)
  const occupiedBytes = sum(occupied.values())
  const reservedBytes = sum([...promised].map(([name, bytes]) => Math.max(0, bytes - (occupied.get(name) ?? 0))))
  const now = clock.now()
  const pins = pinsByLayer(layers, deps, found)
  const held = layers.map((layer): HeldLayer => {
    const { digest, base, bootBytes, allocatedBytes: sizeBytes } = layer
    history.arrived(digest, now)
    const entry = { ...history.entry(digest, now), digest, sizeBytes, replicas: deps.replicas(digest) }
    const isPromised = promised.has(digest)
    const isBusy = isPromised || found.roomFor === digest || found.evicted.get(digest) === 0
    const isRemnant = !isPromised && (isBootPart(layer) || found.evicted.has(digest))
    return { ...entry, base, pins: pins.get(digest) ?? [], isBusy, bootBytes, isRemnant }
  })
  return {
    ...{ held, others, fileSystem, occupied, promised, reservedBytes },
    limitBytes: limitBytes(limit, occupiedBytes, fileSystem),
    takenBytes: occupiedBytes + reservedBytes,
  }
}

/** Bytes that are taken beyond what is taken already when this name takes so many. */
export function neededBytes({ occupied, promised }: CacheView, name: string, bytes: number): number {
  return Math.max(0, bytes - Math.max(occupied.get(name) ?? 0, promised.get(name) ?? 0))
}

function isBootPart({ bootBytes, isComplete, allocatedBytes }: StockLayer): boolean {
  const mostBytes = bootBytes * (1 + REMNANT_SLACK_SHARE) + REMNANT_SLACK_BYTES
  return bootBytes > 0 && !isComplete && allocatedBytes <= mostBytes
}

function pinsByLayer(
  layers: readonly StockLayer[],
  deps: CacheViewDeps,
  { users, roomFor }: Findings,
): Map<Digest, Pin[]> {
  const now = deps.clock.now()
  const pins = new Map<Digest, Pin[]>(layers.map(({ digest }) => [digest, []]))
  for (const pin of deps.pins.all()) pins.get(pin.digest)?.push(pin)
  for (const [digest, own] of pins) {
    own.push(
      ...(deps.pinsOf?.(digest, roomFor) ?? []).filter((pin) => !isExpired(pin, now)),
      ...(users.get(digest) ?? []),
    )
  }
  return pins
}

function sum(numbers: Iterable<number>): number {
  let sum = 0
  for (const number of numbers) sum += number
  return sum
}
