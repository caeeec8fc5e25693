import { hash } from 'node:crypto'
import { blockHash, blockSize, type Clock, errorCode, errorMessage, type Logger, type ShoalError } from '@shoal/core'
import type { StoredLayer } from '@shoal/layer-store'
import { backOffMs } from '../back-off.ts'
import type { LayerReader } from '../boot/layer-reader.ts'
import { ByteFiller } from './byte-filler.ts'
import { gatewayError } from './errors.ts'

const RETRY = { firstMs: 500, lastMs: 5000 }
/** When the swarm was given up lately, this much patience is left. */
const SHORT_PATIENCE_MS = 500
const TROUBLE_MS = 60_000

export interface LayerFileDeps {
  readonly layer: StoredLayer
  readonly reader: Pick<LayerReader, 'isHere' | 'readInto'>
  /** The image's bytes from Glance itself, from an offset to the end. */
  readonly fromGlance: (offset: number, options: { signal: AbortSignal }) => AsyncGenerator<Buffer>
  readonly clock: Clock
  readonly random: () => number
  readonly logger: Logger
}

export interface LayerFileOptions {
  readonly image: string
  /** So long nothing of the layer may come before Glance is asked. Milliseconds. */
  readonly patienceMs: number
  /** So long neither the swarm nor Glance may have the next bytes before it is given up. Milliseconds. */
  readonly giveUpMs: number
  readonly signal: AbortSignal
}

/**
 * A layer's file from its beginning to its end, for somebody who cannot be told to come again: blocks come from the
 * store, else from the swarm, else from Glance. Not a byte is given that was not checked against the manifest.
 */
export class LayerFile implements AsyncDisposable {
  readonly #deps: LayerFileDeps
  readonly #options: LayerFileOptions
  #glance: { readonly filler: ByteFiller; offset: number } | undefined
  #isGlanceBad = false
  #troubleAt = Number.NEGATIVE_INFINITY
  #glanceBytes = 0
  #storedBytes = 0

  constructor(deps: LayerFileDeps, options: LayerFileOptions) {
    this.#deps = deps
    this.#options = options
  }

  /** Bytes that Glance itself gave. */
  get glanceBytes(): number {
    return this.#glanceBytes
  }

  /** Of those, what is in the store now. */
  get storedBytes(): number {
    return this.#storedBytes
  }

  /**
   * Fills `into` with whole blocks, from the beginning of one. Rejects with what was wrong last, or the signal's
   * reason.
   */
  async fill(offset: number, into: Buffer): Promise<void> {
    const { clock, random, reader } = this.#deps
    const { signal, giveUpMs } = this.#options
    const begunAt = clock.now()
    for (let failures = 1; ; failures += 1) {
      try {
        if (reader.isHere(offset, into.length)) {
          await this.#leaveGlance()
          return await reader.readInto(offset, into, { signal })
        }
        if (this.#glance === undefined && (await this.#fromSwarm(offset, into))) return
        if (this.#isGlanceBad) throw gatewayError('SHOAL_GATEWAY_BYTES', this.#bytesAt(offset))
        return await this.#fromGlance(offset, into)
      } catch (error) {
        signal.throwIfAborted()
        await this.#leaveGlance()
        if (clock.now() - begunAt >= giveUpMs) throw error
        const { image } = this.#options
        const fields = { image, offset, code: errorCode(error), reason: errorMessage(error) }
        this.#deps.logger.warn(fields, 'neither the swarm nor Glance has the next bytes of a download; asking again')
      }
      await clock.sleep(backOffMs(failures, random, RETRY), { signal })
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#leaveGlance()
  }

  /** False when nothing of the layer has come for too long, or it cannot be read here. */
  async #fromSwarm(offset: number, into: Buffer): Promise<boolean> {
    const { reader, clock, logger, layer } = this.#deps
    const { signal, image } = this.#options
    const over = new AbortController()
    const either = AbortSignal.any([signal, over.signal])
    const watch = this.#watch(over, either)
    try {
      await reader.readInto(offset, into, { signal: either })
      return true
    } catch (error) {
      signal.throwIfAborted()
      const reason = over.signal.aborted ? 'nothing of it has come' : errorMessage(error)
      this.#troubleAt = clock.now()
      logger.warn({ image, layer: layer.manifest.digest, offset, reason }, 'a download goes on with bytes of Glance')
      return false
    } finally {
      over.abort()
      await watch
    }
  }

  /** Ends the wait for the swarm when nothing of the layer has come for as long as there is patience. */
  async #watch(over: AbortController, signal: AbortSignal): Promise<void> {
    const { clock, layer } = this.#deps
    const isTroubled = clock.now() - this.#troubleAt < TROUBLE_MS
    const patienceMs = isTroubled ? Math.min(SHORT_PATIENCE_MS, this.#options.patienceMs) : this.#options.patienceMs
    try {
      for (let seen = -1; seen !== layer.presentBytes; ) {
        seen = layer.presentBytes
        await clock.sleep(patienceMs, { signal })
      }
      over.abort()
    } catch {
      // The read is over.
    }
  }

  async #fromGlance(offset: number, into: Buffer): Promise<void> {
    const { signal } = this.#options
    if (this.#glance?.offset !== offset) {
      await this.#leaveGlance()
      this.#glance = { filler: new ByteFiller(this.#deps.fromGlance(offset, { signal })), offset }
    }
    const { filler } = this.#glance
    await filler.fill(into)
    this.#glance.offset += into.length
    this.#check(offset, into)
    this.#glanceBytes += into.length
    await this.#store(offset, into)
  }

  /** Throws `SHOAL_GATEWAY_BYTES` unless these are the layer's own bytes. */
  #check(offset: number, bytes: Buffer): void {
    const { manifest } = this.#deps.layer
    const { blockLengthBytes } = manifest
    for (let at = 0; at < bytes.length; at += blockLengthBytes) {
      const block = (offset + at) / blockLengthBytes
      const found = hash('sha256', bytes.subarray(at, at + blockSize(manifest, block)), 'buffer')
      if (found.equals(blockHash(manifest, block))) continue
      this.#isGlanceBad = true
      throw gatewayError('SHOAL_GATEWAY_BYTES', this.#bytesAt(offset + at))
    }
  }

  /**
   * What came at such a cost is kept, so that other nodes need not ask Glance for it; a full disk must not end the
   * download.
   */
  async #store(offset: number, bytes: Buffer): Promise<void> {
    const { layer, logger } = this.#deps
    try {
      await layer.writeBlocks(offset / layer.manifest.blockLengthBytes, bytes)
      this.#storedBytes += bytes.length
    } catch (error) {
      const { digest } = layer.manifest
      logger.warn({ layer: digest, offset, code: errorCode(error) }, 'bytes of Glance could not be stored')
    }
  }

  async #leaveGlance(): Promise<void> {
    const glance = this.#glance
    this.#glance = undefined
    await glance?.filler.close()
  }

  #bytesAt(offset: number): ShoalError['details'] {
    return { image: this.#options.image, offset, layer: this.#deps.layer.manifest.digest }
  }
}
