import { hash } from 'node:crypto'
import { blockHash, blockSize, type Clock, errorCode, errorMessage, type Logger } from '@shoal/core'
import type { StoredLayer } from '@shoal/layer-store'
import { backOffMs } from '../back-off.ts'
import type { BlockSource } from './block-source.ts'
import { bootError } from './errors.ts'
import { SharedWork } from './layer-reader-shared.ts'
import { Turns } from './layer-reader-turns.ts'

/** Blocks of a layer that are demanded at a time, 8 MiB: enough for any link, and little before a read that comes behind them. */
const MAX_DEMANDED = 32
/** Blocks that could not be stored and are kept for those who read on in them. */
const MAX_UNSTORED = 16
const RETRY = { firstMs: 100, lastMs: 5000 }
/** What does not get better: the layer is gone, or the daemon stops. */
const FINAL = new Set(['SHOAL_STORE_LAYER_UNKNOWN', 'SHOAL_STORE_CLOSED'])

export interface BlockDemandsDeps {
  readonly layer: StoredLayer
  readonly source: BlockSource
  readonly clock: Clock
  readonly random: () => number
  readonly logger: Logger
}

/**
 * Absent blocks of a layer that somebody waits for. Each is demanded once, however many wait, and as long as one does: when the
 * source gives up it is asked again, later and later.
 */
export class BlockDemands {
  readonly #deps: BlockDemandsDeps
  readonly #turns = new Turns(MAX_DEMANDED)
  readonly #work = new SharedWork((block: number, signal) => this.#fetch(block, signal))
  /** The least recently used first. */
  readonly #unstored = new Map<number, Buffer>()
  /** Why a block that is waited for is not here yet. */
  readonly #failures = new Map<number, unknown>()

  constructor(deps: BlockDemandsDeps) {
    this.#deps = deps
  }

  /** Blocks that are waited for. */
  get size(): number {
    return this.#work.size
  }

  isUnderWay(block: number): boolean {
    return this.#work.isUnderWay(block)
  }

  /** What went wrong with a block that is waited for, last. */
  failureOf(block: number): unknown {
    return this.#failures.get(block)
  }

  /** A block that could not be stored, if it was read a short while ago. */
  kept(block: number): Buffer | undefined {
    const bytes = this.#unstored.get(block)
    if (bytes === undefined) return undefined
    this.#unstored.delete(block)
    this.#unstored.set(block, bytes)
    return bytes
  }

  /** Resolves when a block is in the store, or with its bytes when it could not be stored. */
  wait(block: number, signal: AbortSignal | undefined): Promise<Buffer | undefined> {
    return this.#work.join(block, signal)
  }

  async #fetch(block: number, signal: AbortSignal): Promise<Buffer | undefined> {
    const { layer, clock, random, logger } = this.#deps
    const { digest } = layer.manifest
    try {
      for (let failures = 1; ; failures += 1) {
        await this.#turns.begin(signal)
        try {
          return await this.#demand(block, signal)
        } catch (error) {
          signal.throwIfAborted()
          const code = errorCode(error)
          if (error instanceof TypeError || FINAL.has(code ?? '')) throw error
          this.#failures.set(block, error)
          logger.warn(
            { layer: digest, block, code, error: errorMessage(error) },
            'a block that a VM waits for is not to be had',
          )
        } finally {
          this.#turns.end()
        }
        await clock.sleep(backOffMs(failures, random, RETRY), { signal })
      }
    } finally {
      this.#failures.delete(block)
    }
  }

  async #demand(block: number, signal: AbortSignal): Promise<Buffer | undefined> {
    const { source, layer } = this.#deps
    const { manifest } = layer
    if (layer.present.has(block)) return undefined
    const unstored = await source.demand(manifest.digest, block, 1, { signal })
    const bytes = unstored.find((one) => one.block === block)?.bytes
    if (bytes !== undefined && this.#isGood(block, bytes)) {
      this.#keep(block, bytes)
      return bytes
    }
    if (layer.present.has(block)) return undefined
    throw bootError('SHOAL_BOOT_BLOCK_MISSING', { layer: manifest.digest, block })
  }

  /** What is not read from the store was not checked by it. */
  #isGood(block: number, bytes: Buffer): boolean {
    const { manifest } = this.#deps.layer
    if (bytes.length !== blockSize(manifest, block)) return false
    return hash('sha256', bytes, 'buffer').equals(blockHash(manifest, block))
  }

  #keep(block: number, bytes: Buffer): void {
    this.#unstored.set(block, bytes)
    const [oldest] = this.#unstored.keys()
    if (this.#unstored.size > MAX_UNSTORED && oldest !== undefined) this.#unstored.delete(oldest)
  }
}
