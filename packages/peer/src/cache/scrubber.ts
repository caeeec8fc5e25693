import { blockCount, blockSize, type Clock, type Digest, errorCode, type Logger } from '@shoal/core'
import type { StoredLayer } from '@shoal/layer-store'
import type { ScrubPosition } from './cache-records.ts'

/** Of present blocks that are checked in one go: starting one costs about as much CPU as hashing this much. */
const RUN_BYTES = 16 * 1024 ** 2
/** No round begins sooner after the one before: a few small layers are not checked again and again. */
const ROUND_MS = 60 * 60_000
/** Until the next look when there is nothing to check. */
const IDLE_MS = 60_000

type ScrubbedLayer = Pick<StoredLayer, 'manifest' | 'verify' | 'present'>

export interface ScrubberDeps {
  readonly layers: () => Iterable<ScrubbedLayer>
  /** These blocks were not what they should be; they are absent now. */
  readonly onBad: (digest: Digest, badBlocks: number[]) => void
  /** Where the check stands, so that it goes on there after a restart. */
  readonly records: {
    get(): Promise<ScrubPosition | undefined>
    set(position: ScrubPosition): Promise<void>
  }
  readonly clock: Clock
  readonly logger: Logger
}

export interface ScrubberOptions {
  /** On average; `null`: nothing is checked. */
  readonly bytesPerSecond: number | null
}

/** Blocks that are checked in one go. */
interface ScrubRun {
  readonly layer: ScrubbedLayer
  readonly firstBlock: number
  readonly blocks: number
  readonly presentBytes: number
}

/** Goes round over everything that is stored and checks that it is still what it was, at a rate that disturbs nobody. */
export class Scrubber {
  readonly #deps: ScrubberDeps
  readonly #bytesPerSecond: number | null
  #position: ScrubPosition | undefined
  #checkedBytes = 0
  #badBlocks = 0
  #rounds = 0

  constructor(deps: ScrubberDeps, { bytesPerSecond }: ScrubberOptions) {
    if (bytesPerSecond !== null && !(bytesPerSecond > 0)) throw new TypeError(`rate ${bytesPerSecond}`)
    this.#deps = deps
    this.#bytesPerSecond = bytesPerSecond
  }

  get checkedBytes(): number {
    return this.#checkedBytes
  }

  get badBlocks(): number {
    return this.#badBlocks
  }

  /** Times the end was reached, of all layers in the order of their digests. */
  get rounds(): number {
    return this.#rounds
  }

  /** Checks until aborted; rejects with the signal's reason then. */
  async run({ signal }: { signal: AbortSignal }): Promise<void> {
    const { clock } = this.#deps
    if (this.#bytesPerSecond === null) return await untilAborted(signal)
    this.#position = await this.#readPosition()
    for (;;) {
      const isFromStart = this.#position === undefined
      const beganAt = clock.elapsed()
      const checkedBefore = this.#checkedBytes
      await this.#finishRound(this.#bytesPerSecond, signal)
      this.#position = undefined
      if (this.#checkedBytes > checkedBefore) this.#rounds += 1
      // A round that an earlier run of the service began is not waited for: most of its time was spent by that one.
      if (!isFromStart) continue
      if (this.#checkedBytes === checkedBefore) await clock.sleep(IDLE_MS, { signal })
      else await this.#waitFrom(beganAt, ROUND_MS, signal)
    }
  }

  async #readPosition(): Promise<ScrubPosition | undefined> {
    try {
      return await this.#deps.records.get()
    } catch (error) {
      this.#deps.logger.warn({ code: errorCode(error), error }, 'the check of layers begins anew')
      return undefined
    }
  }

  /** Checks from where it stands to the end. */
  async #finishRound(bytesPerSecond: number, signal: AbortSignal): Promise<void> {
    for (let run = this.#nextRun(); run !== undefined; run = this.#nextRun()) {
      signal.throwIfAborted()
      const beganAt = this.#deps.clock.elapsed()
      const isChecked = await this.#check(run, signal)
      if (!isChecked) continue
      await this.#waitFrom(beganAt, (run.presentBytes / bytesPerSecond) * 1000, signal)
    }
  }

  /** Waits for what is left of a time. */
  async #waitFrom(beganAt: number, durationMs: number, signal: AbortSignal): Promise<void> {
    const { clock } = this.#deps
    const leftMs = durationMs - (clock.elapsed() - beganAt)
    if (leftMs > 0) await clock.sleep(leftMs, { signal })
  }

  /** False when the layer could not be checked: it is passed over for this round. */
  async #check({ layer, firstBlock, blocks, presentBytes }: ScrubRun, signal: AbortSignal): Promise<boolean> {
    const { logger, onBad, records } = this.#deps
    const { digest } = layer.manifest
    try {
      const { badBlocks } = await layer.verify({ range: { firstBlock, blocks }, signal })
      this.#position = { digest, block: firstBlock + blocks }
      this.#checkedBytes += presentBytes
      this.#badBlocks += badBlocks.length
      if (badBlocks.length > 0) onBad(digest, badBlocks)
    } catch (error) {
      signal.throwIfAborted()
      this.#position = { digest, block: blockCount(layer.manifest) }
      // It was removed meanwhile.
      if (errorCode(error) === 'SHOAL_STORE_LAYER_UNKNOWN') return false
      logger.warn({ digest, code: errorCode(error), error }, 'a layer cannot be checked')
      return false
    }
    try {
      await records.set(this.#position)
    } catch (error) {
      logger.warn({ code: errorCode(error), error }, 'where the check of layers stands is not recorded')
    }
    return true
  }

  /** What comes next in this round, by the layers' digests: some come and go meanwhile. */
  #nextRun(): ScrubRun | undefined {
    const { digest: reached = '', block = 0 } = this.#position ?? {}
    const layers = [...this.#deps.layers()].sort((a, b) => (a.manifest.digest < b.manifest.digest ? -1 : 1))
    for (const layer of layers) {
      const { digest } = layer.manifest
      if (digest < reached) continue
      const run = runFrom(layer, digest === reached ? block : 0)
      if (run !== undefined) return run
    }
    return undefined
  }
}

/** The first present blocks from there on; undefined when there are none. */
function runFrom(layer: ScrubbedLayer, block: number): ScrubRun | undefined {
  const { manifest, present } = layer
  let firstBlock = block
  while (firstBlock < present.length && !present.has(firstBlock)) firstBlock += 1
  let end = firstBlock
  let presentBytes = 0
  for (let next = firstBlock; next < present.length; next += 1) {
    if (!present.has(next)) continue
    const size = blockSize(manifest, next)
    if (presentBytes + size > RUN_BYTES) break
    presentBytes += size
    end = next + 1
  }
  return end === firstBlock ? undefined : { layer, firstBlock, blocks: end - firstBlock, presentBytes }
}

/** Rejects with the signal's reason. */
function untilAborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    if (signal.aborted) return reject(signal.reason)
    signal.addEventListener('abort', () => reject(signal.reason), { once: true })
  })
}
