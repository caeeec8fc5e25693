import assert from 'node:assert/strict'
import { type Digest, ManualClock, silentLogger } from '@shoal/core'
import { createMemoryState } from '@shoal/state'
import type { EvictedLayer } from '../src/evictor.ts'
import { LayerCache } from '../src/layer-cache.ts'
import { Pins } from '../src/pins.ts'
import type { PolicyName } from '../src/policies.ts'
import type { Reservation } from '../src/reservations.ts'
import type { StockLayer } from '../src/stock.ts'
import { UseHistory } from '../src/use-history.ts'
import { LIMIT, MIB, machinePin } from './cache-fixture.ts'
import { digestOf, MemoryStock } from './memory-stock.ts'

/** Layers there are: the first ones are bases, and every other of the rest is a middle. */
export const LAYERS = 16
const BASES = 4
const BOOT_SHARE = 0.1

/** A node that fetches, uses and loses layers, checked after each step against what the cache says and must not do. */
export class CacheModel {
  readonly #stock = new MemoryStock(2000 * MIB)
  readonly #clock = new ManualClock(1_000_000_000)
  readonly #state = createMemoryState()
  /** Layers on their way, with what was promised. */
  readonly #open = new Map<Digest, Reservation[]>()
  /** Bases of what waits for room, one for each that waits. */
  #needed: readonly Digest[] = []
  /** Layers that a process has open. */
  readonly #users = new Set<Digest>()
  #evicted: EvictedLayer[] = []
  #pins = new Pins({ state: this.#state, clock: this.#clock })
  #history = new UseHistory()
  #cache = this.#start('worth')

  /** Fetches layers side by side, as far as there is room; what is below one first. */
  async fetch(indices: readonly number[]): Promise<void> {
    const wanted = indices.map((index) => this.#firstOf(index)).filter((index) => !this.#isComplete(digestOf(index)))
    const before = this.#evicted.length
    const isNew = wanted.some((index) => !this.#open.has(digestOf(index)))
    const fetched = await Promise.all(wanted.map((index) => this.#fetch(index)))
    if (fetched.every((isFetched) => !isFetched)) assert.equal(this.#evicted.length, before, 'evicted in vain')
    if (!isNew || fetched.includes(false)) return
    const { takenBytes, limitBytes } = await this.#cache.space()
    assert.ok(takenBytes <= limitBytes, `more than the limit was promised: ${takenBytes} of ${limitBytes}`)
  }

  /** The next that is on its way grows to this part of its size, or is complete. */
  arrive(part: number): void {
    const [next] = this.#open
    if (next === undefined) return
    const [digest, reservations] = next
    const layer = this.#stock.held.get(digest)
    assert.ok(layer !== undefined, 'what is on its way is gone')
    const bytes = sizeOf(digest)
    const wantedBytes = part > 0.7 ? bytes : Math.floor(bytes * part)
    const moreBytes = Math.max(0, wantedBytes - layer.allocatedBytes)
    const allocatedBytes = layer.allocatedBytes + Math.min(this.#stock.freeBytes, moreBytes)
    const isComplete = allocatedBytes >= bytes
    this.#stock.put(digest, allocatedBytes, { ...layer, isComplete })
    if (isComplete) this.#end(digest, reservations)
  }

  /** All that is on its way is there, as far as others leave room. */
  arriveAll(): void {
    for (let left = this.#open.size; left > 0; left -= 1) this.arrive(1)
  }

  /** The next that is on its way does not come; what there is of it is removed or left. */
  fail(isRemoved: boolean): void {
    const [next] = this.#open
    if (next === undefined) return
    const [digest, reservations] = next
    this.#end(digest, reservations)
    if (isRemoved && !this.#isBelow(digest)) this.#stock.held.delete(digest)
  }

  use(index: number): void {
    const digest = digestOf(index)
    const isHit = this.#isComplete(digest)
    const bootBytes = bootOf(digest)
    this.#history.used(digest, this.#clock.now(), { sizeBytes: sizeOf(digest), bootBytes, isHit, isBootHit: isHit })
  }

  async pin(index: number, forMs: number | null): Promise<void> {
    const expiresAt = forMs === null ? null : this.#clock.now() + forMs
    await this.#pins.add({ digest: digestOf(index), kind: 'operator', owner: 'me', expiresAt })
  }

  async unpin(index: number): Promise<void> {
    await this.#pins.remove({ digest: digestOf(index), kind: 'operator', owner: 'me' }).catch(() => {})
  }

  /** A process opens the file of a layer, or closes it. */
  open(index: number, isOpen: boolean): void {
    const digest = digestOf(index)
    if (isOpen && this.#stock.held.has(digest)) this.#users.add(digest)
    else this.#users.delete(digest)
  }

  async evict(index: number): Promise<void> {
    const digest = digestOf(index)
    const isThere = this.#stock.held.has(digest)
    const code = await this.#cache.evict(digest).then(
      () => undefined,
      (error: { code?: string }) => error.code,
    )
    if (code === undefined) assert.ok(!this.#stock.held.has(digest))
    else assert.equal(code, isThere ? 'SHOAL_CACHE_PINNED' : 'SHOAL_CACHE_LAYER_UNKNOWN')
  }

  async evictBytes(bytes: number): Promise<void> {
    const usedBytes = this.#stock.usedBytes
    const foretold = await this.#cache.preview({ bytes })
    const { evictions, freedBytes } = await this.#cache.evictBytes(bytes)
    assert.deepEqual(evictions, foretold.evictions)
    assert.equal(this.#stock.usedBytes, usedBytes - freedBytes)
  }

  /** Others take this part of what is free and what they have. */
  fill(part: number): void {
    this.#stock.foreignBytes = Math.floor((this.#stock.freeBytes + this.#stock.foreignBytes) * part)
  }

  async relieve(): Promise<void> {
    await this.#cache.relieve()
  }

  wait(ms: number): void {
    this.#clock.advance(ms)
  }

  setPolicy(name: PolicyName): void {
    this.#cache.setPolicy(name)
  }

  /** The daemon is killed and started: promises are lost, and what was on its way is there in part. */
  async crash(isHistoryKept: boolean): Promise<void> {
    const stored = JSON.parse(JSON.stringify(this.#history.snapshot()))
    const { policyName } = this.#cache
    this.#open.clear()
    this.#users.clear()
    this.#history = UseHistory.restore(isHistoryKept ? stored : undefined)
    this.#pins = new Pins({ state: this.#state, clock: this.#clock })
    await this.#pins.open()
    this.#cache = this.#start(policyName)
  }

  /** What holds after every step. */
  async check(): Promise<void> {
    const held = [...this.#stock.held.values()]
    for (const layer of held) {
      if (layer.base === null || this.#isBootPart(layer)) continue
      assert.ok(this.#stock.held.has(layer.base), 'a layer has lost its base')
    }
    let reservedBytes = 0
    for (const [digest, reservations] of this.#open) {
      const promisedBytes = Math.max(...reservations.map(({ bytes }) => bytes))
      reservedBytes += Math.max(0, promisedBytes - (this.#stock.held.get(digest)?.allocatedBytes ?? 0))
    }
    const space = await this.#cache.space()
    assert.equal(space.layerBytes, this.#stock.usedBytes)
    assert.equal(space.reservedBytes, reservedBytes)
    assert.equal(space.takenBytes, this.#stock.usedBytes + reservedBytes)
    assert.ok(space.takenBytes <= LIMIT.maxBytes, 'over the limit')
    const list = await this.#cache.list()
    assert.deepEqual(new Set(list.map(({ digest }) => digest)), new Set(this.#stock.held.keys()))
    if (this.#evicted.some(({ keptBytes }) => keptBytes > 0)) {
      const remnants = held.filter((layer) => this.#isBootPart(layer))
      const remnantBytes = remnants.reduce((sum, { allocatedBytes }) => sum + allocatedBytes, 0)
      assert.ok(remnantBytes <= space.limitBytes * BOOT_SHARE, 'remnants beyond their share')
    }
    this.#evicted = []
  }

  #start(policy: PolicyName): LayerCache {
    return new LayerCache(
      {
        ...{ stock: this.#stock, pins: this.#pins, history: this.#history },
        ...{ clock: this.#clock, logger: silentLogger },
        replicas: (digest) => ({ rack: 0, zone: 0, elsewhere: sizeOf(digest) % 2 }),
        pinsOf: (digest) =>
          this.#needed.includes(digest) ? [{ ...machinePin(0, 'middle'), digest, kind: 'plan' }] : [],
        usersOf: async (digests) => {
          const open = digests.filter((digest) => this.#users.has(digest))
          return new Map(open.map((digest) => [digest, [{ ...machinePin(0, 'qemu'), digest }]]))
        },
        onEvicted: (layer) => this.#onEvicted(layer),
      },
      { limit: LIMIT, policy, lastCopiesLast: true, bootShare: BOOT_SHARE },
    )
  }

  #onEvicted(layer: EvictedLayer): void {
    const { digest, keptBytes } = layer
    this.#evicted.push(layer)
    assert.ok(this.#pins.of(digest).length === 0, 'evicted what is pinned')
    assert.ok(!this.#users.has(digest), 'evicted what is in use')
    assert.ok(!this.#open.has(digest) && !this.#needed.includes(digest), 'evicted what is on its way')
    assert.ok(!this.#isBelow(digest), 'evicted what is needed by another')
    assert.ok(keptBytes === 0 || keptBytes === bootOf(digest))
    assert.equal(this.#stock.held.get(digest)?.allocatedBytes ?? 0, keptBytes)
  }

  /** Of a layer and what is below it, the one to be fetched first. */
  #firstOf(index: number): number {
    const base = baseOf(index)
    return base === null || this.#isComplete(base) ? index : indexOf(base)
  }

  #isComplete(digest: Digest): boolean {
    return this.#stock.held.get(digest)?.isComplete ?? false
  }

  /** False when there was no room. */
  async #fetch(index: number): Promise<boolean> {
    const digest = digestOf(index)
    const base = baseOf(index)
    if (base !== null) this.#needed = [...this.#needed, base]
    try {
      const reservation = await this.#cache.reserve(digest, sizeOf(digest))
      this.#open.set(digest, [...(this.#open.get(digest) ?? []), reservation])
      if (this.#stock.held.has(digest)) return true
      this.#stock.put(digest, 0, { base, isComplete: false, bootBytes: bootOf(digest) })
      return true
    } catch (error) {
      assert.match(String((error as { code?: string }).code), /^SHOAL_CACHE_(FULL|TOO_LARGE)$/)
      return false
    } finally {
      if (base !== null) this.#needed = this.#needed.toSpliced(this.#needed.indexOf(base), 1)
    }
  }

  #end(digest: Digest, reservations: readonly Reservation[]): void {
    for (const reservation of reservations) reservation.end()
    this.#open.delete(digest)
  }

  /** Whether something above a layer needs it. */
  #isBelow(digest: Digest): boolean {
    return [...this.#stock.held.values()].some((layer) => {
      const isHeld = this.#users.has(layer.digest) || this.#pins.of(layer.digest).length > 0
      return layer.base === digest && (isHeld || !this.#isBootPart(layer))
    })
  }

  /** Little more than what a boot reads is there of it, and no more is to come. */
  #isBootPart({ digest, bootBytes, allocatedBytes, isComplete }: StockLayer): boolean {
    if (isComplete || bootBytes === 0 || this.#open.has(digest)) return false
    return allocatedBytes <= bootBytes * 1.25 + MIB / 2
  }
}

function indexOf(digest: Digest): number {
  return Number.parseInt(digest.slice(-8), 16)
}

function sizeOf(digest: Digest): number {
  return (20 + ((indexOf(digest) * 53) % 190)) * MIB + (indexOf(digest) % 2)
}

/** Of a third of the layers nothing is known. */
function bootOf(digest: Digest): number {
  return indexOf(digest) % 3 === 0 ? 0 : Math.floor(sizeOf(digest) / 8)
}

function baseOf(index: number): Digest | null {
  return index < BASES || index % 2 === 0 ? null : digestOf(index % BASES)
}
