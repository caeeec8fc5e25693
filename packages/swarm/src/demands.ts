import { blockCount, blocksOfPiece, type Clock } from '@shoal/core'
import { swarmError } from './errors.ts'
import type { PieceScheduler } from './scheduler/piece-scheduler.ts'
import type { SwarmLayer } from './swarm-layer.ts'

/** A block that came and could not be stored. */
export interface UnstoredBlock {
  readonly block: number
  /** A copy of what came, which nobody has verified. */
  readonly bytes: Buffer
}

interface Demand {
  readonly missing: Set<number>
  readonly unstored: UnstoredBlock[]
  readonly onMet: () => void
  readonly onFailed: (error: unknown) => void
}

export interface DemandsDeps {
  readonly layer: SwarmLayer
  readonly scheduler: Pick<PieceScheduler, 'prioritise' | 'race'>
  readonly clock: Clock
  /** Something is to be asked for now. */
  readonly onWanted: () => void
}

/** While somebody waits it is looked this often for what is late. */
const RACE_MS = 10
/** Pieces that are hinted at a time, and for how long: a hint that nobody renews is forgotten. */
const MAX_HINTED = 512
const HINT_MS = 10_000

/** Blocks of one layer that somebody waits for, and those that will be read soon. */
export class Demands {
  readonly #deps: DemandsDeps
  readonly #demands = new Map<number, Set<Demand>>()
  /** By piece, until when; the oldest first. */
  readonly #hintedUntil = new Map<number, number>()
  #timer: NodeJS.Timeout | undefined
  #isClosed = false

  constructor(deps: DemandsDeps) {
    this.#deps = deps
  }

  /**
   * Resolves when all of these blocks are present, but for those that it gives because they could not be stored. Rejects with the
   * signal's reason, or with `SHOAL_SWARM_LAYER_LEFT`.
   */
  async demand(
    firstBlock: number,
    blocks: number,
    { signal }: { signal: AbortSignal },
  ): Promise<readonly UnstoredBlock[]> {
    signal.throwIfAborted()
    const { layer, onWanted } = this.#deps
    this.#check(firstBlock, blocks)
    if (this.#isClosed) throw this.#left()
    const range = Array.from({ length: blocks }, (_, index) => firstBlock + index)
    const missing = new Set(range.filter((block) => !layer.present.has(block)))
    if (missing.size === 0) return []
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    const demand: Demand = { missing, unstored: [], onMet: resolve, onFailed: reject }
    const waited = [...missing]
    for (const block of waited) this.#begin(block, demand)
    const onAbort = () => reject(signal.reason)
    signal.addEventListener('abort', onAbort, { once: true })
    this.#timer ??= setInterval(() => this.#look(), RACE_MS)
    onWanted()
    try {
      await promise
      return demand.unstored
    } finally {
      signal.removeEventListener('abort', onAbort)
      for (const block of waited) this.#end(block, demand)
    }
  }

  /** These blocks will be read soon: they come before what nobody reads. Of very many only those that were named last. */
  hint(firstBlock: number, blocks: number): void {
    this.#check(firstBlock, blocks)
    if (this.#isClosed) return
    const until = this.#deps.clock.now() + HINT_MS
    const last = this.#pieceOf(firstBlock + blocks - 1)
    for (let piece = this.#pieceOf(firstBlock); piece <= last; piece += 1) {
      if (this.#isPresent(piece)) continue
      this.#hintedUntil.delete(piece)
      this.#hintedUntil.set(piece, until)
      if (!this.#isDemanded(piece)) this.#deps.scheduler.prioritise(piece, 'boot-profile')
    }
    for (const piece of this.#hintedUntil.keys()) {
      if (this.#hintedUntil.size <= MAX_HINTED) break
      this.#forgetHint(piece)
    }
    this.#deps.onWanted()
  }

  /** Whether somebody waits for a block. */
  isDemanded(block: number): boolean {
    return this.#demands.has(block)
  }

  /** A block is present now. */
  onStored(block: number): void {
    for (const demand of this.#demands.get(block) ?? []) this.#meet(demand, block)
  }

  /** A block came that could not be stored. The bytes may be used for something else afterwards. */
  onUnstored(block: number, bytes: Uint8Array): void {
    const demands = this.#demands.get(block)
    if (demands === undefined) return
    const unstored = { block, bytes: Buffer.from(bytes) }
    for (const demand of demands) {
      demand.unstored.push(unstored)
      this.#meet(demand, block)
    }
  }

  /** Forgets hints that have aged. */
  tick(): void {
    const now = this.#deps.clock.now()
    for (const [piece, until] of this.#hintedUntil) {
      if (until <= now || this.#isPresent(piece)) this.#forgetHint(piece)
    }
  }

  close(): void {
    this.#isClosed = true
    this.#hintedUntil.clear()
    for (const demands of this.#demands.values()) for (const demand of demands) demand.onFailed(this.#left())
  }

  #begin(block: number, demand: Demand): void {
    const piece = this.#pieceOf(block)
    if (!this.#isDemanded(piece)) this.#deps.scheduler.prioritise(piece, 'on-demand')
    const demands = this.#demands.get(block) ?? new Set()
    demands.add(demand)
    this.#demands.set(block, demands)
  }

  #end(block: number, demand: Demand): void {
    const demands = this.#demands.get(block)
    if (demands?.delete(demand) !== true || demands.size > 0) return
    this.#demands.delete(block)
    if (this.#demands.size === 0) {
      clearInterval(this.#timer)
      this.#timer = undefined
    }
    const piece = this.#pieceOf(block)
    if (this.#isDemanded(piece)) return
    this.#deps.scheduler.prioritise(piece, this.#hintedUntil.has(piece) ? 'boot-profile' : 'plan')
  }

  #meet(demand: Demand, block: number): void {
    demand.missing.delete(block)
    if (demand.missing.size === 0) demand.onMet()
  }

  #look(): void {
    const { layer, scheduler } = this.#deps
    for (const block of this.#demands.keys()) if (layer.present.has(block)) this.onStored(block)
    scheduler.race()
  }

  #forgetHint(piece: number): void {
    this.#hintedUntil.delete(piece)
    if (!this.#isDemanded(piece)) this.#deps.scheduler.prioritise(piece, 'plan')
  }

  #isDemanded(piece: number): boolean {
    const { first, end } = blocksOfPiece(this.#deps.layer.manifest, piece)
    for (let block = first; block < end; block += 1) if (this.#demands.has(block)) return true
    return false
  }

  #isPresent(piece: number): boolean {
    const { manifest, present } = this.#deps.layer
    const { first, end } = blocksOfPiece(manifest, piece)
    for (let block = first; block < end; block += 1) if (!present.has(block)) return false
    return true
  }

  #pieceOf(block: number): number {
    const { blockLengthBytes, pieceLengthBytes } = this.#deps.layer.manifest
    return Math.floor((block * blockLengthBytes) / pieceLengthBytes)
  }

  #check(firstBlock: number, blocks: number): void {
    const { manifest } = this.#deps.layer
    const isSane = Number.isInteger(firstBlock) && Number.isInteger(blocks) && firstBlock >= 0 && blocks > 0
    if (isSane && firstBlock + blocks <= blockCount(manifest)) return
    throw new TypeError(`blocks ${firstBlock} + ${blocks} of ${blockCount(manifest)}`)
  }

  #left(): Error {
    return swarmError('SHOAL_SWARM_LAYER_LEFT', { digest: this.#deps.layer.manifest.digest })
  }
}
