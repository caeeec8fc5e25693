import { type Clock, errorCode, type Manifest } from '@shoal/core'
import type { BlockDevice, BlockExtent, BlockSizes } from '@shoal/nbd'
import { Chain, type DiskImage, type ExtentRead, type FoundExtent, Qcow2Image, RawImage } from '@shoal/qcow2'
import { wholeSectors } from '../compose/open-layer.ts'
import { DiskMap } from './disk-device-map.ts'
import { bootError } from './errors.ts'
import type { LayerReader, LayerReadOptions } from './layer-reader.ts'
import { Patience, TimeUp } from './layer-reader-patience.ts'

export const BLOCK_SIZES: BlockSizes = { minimum: 1, preferred: 4096, maximum: 32 * 1024 * 1024 }
/** What a disk's tables are near: the beginning of its layers' files. */
const FRONT_BYTES = 2 * 1024 * 1024
/** A question where zeros are is answered for so much at a time. */
const MAX_TOLD_BYTES = 256 * 1024 * 1024

export interface DiskDeviceDeps {
  readonly clock: Clock
  /** The topmost first. */
  readonly layers: readonly LayerReader[]
}

/** How a device is read whose blocks may have to be waited for. */
export interface DeviceReadOptions extends LayerReadOptions {
  readonly signal: AbortSignal
  /** Hears which bytes of layers' files a read is of; again when it has to be done again. */
  readonly onTouched?: ((manifest: Manifest, offset: number, length: number) => void) | undefined
}

/** The flat disk that layers show, some of whose blocks are not here yet. All who read that disk use the same one. */
export class DiskDevice implements BlockDevice {
  readonly blockSizes = BLOCK_SIZES
  readonly isReadOnly = true
  readonly #deps: DiskDeviceDeps
  readonly #timeoutMs: number
  readonly #chain: Chain
  readonly #map: DiskMap
  /** What is looked up because it will be read soon; one thing at a time. */
  readonly #closed = new AbortController()
  #isLookingAhead = false

  private constructor(deps: DiskDeviceDeps, chain: Chain, { timeoutMs }: { timeoutMs: number }) {
    this.#deps = deps
    this.#timeoutMs = timeoutMs
    this.#chain = chain
    this.#map = new DiskMap(chain)
  }

  /**
   * Reads the headers of the layers, and waits for them. A read that waits for longer than `timeoutMs` fails. Throws
   * `SHOAL_BOOT_LAYER_INVALID`, `SHOAL_QCOW2_*` and the signal's reason.
   */
  static async open(
    deps: DiskDeviceDeps,
    { timeoutMs, signal }: { timeoutMs: number; signal: AbortSignal },
  ): Promise<DiskDevice> {
    const images = await Promise.all(deps.layers.map((reader) => openImage(reader, signal)))
    const [top, ...below] = images
    const [layer] = deps.layers
    if (top === undefined || layer === undefined) throw new TypeError('a disk of no layer')
    const chain = new Chain([top, ...below])
    const expectedBytes = wholeSectors(layer.manifest.virtualSizeBytes)
    if (chain.virtualSizeBytes !== expectedBytes) {
      const reason = `its disk has ${chain.virtualSizeBytes} bytes, not ${expectedBytes}`
      throw bootError('SHOAL_BOOT_LAYER_INVALID', { layer: layer.manifest.digest, reason })
    }
    return new DiskDevice(deps, chain, { timeoutMs })
  }

  get sizeBytes(): number {
    return this.#chain.virtualSizeBytes
  }

  read(offset: number, length: number, into: Buffer, options: DeviceReadOptions): Promise<void> | undefined {
    const parts = this.#map.find(offset, length)
    if (parts === undefined || !this.#isHere(parts)) {
      return this.#withPatience(options, async (held) => {
        const found = await this.#map.look(offset, length, held)
        this.#tell(found, options)
        await this.#readParts(found, offset, into, held)
      })
    }
    this.#tell(parts, options)
    const [part] = parts
    if (parts.length === 1 && part?.extent.kind === 'data') {
      return this.#layer(part.depth).readInto(part.extent.host, into, options)
    }
    if (parts.some(isStored)) return this.#readParts(parts, offset, into, options)
    into.fill(0)
    return undefined
  }

  extents(
    offset: number,
    length: number,
    { maxCount, ...options }: DeviceReadOptions & { maxCount: number },
  ): readonly BlockExtent[] | Promise<readonly BlockExtent[]> {
    const told = Math.min(length, MAX_TOLD_BYTES)
    const parts = this.#map.find(offset, told)
    if (parts !== undefined) return blockExtents(parts, maxCount)
    return this.#withPatience(options, async (held) => blockExtents(await this.#map.look(offset, told, held), maxCount))
  }

  willRead(offset: number, length: number): void {
    const parts = this.#map.find(offset, length)
    if (parts !== undefined) this.#hint(parts)
    else if (!this.#isLookingAhead) void this.#lookAhead(offset, length)
  }

  /** Ends what it does by itself. Reads that are under way are for their clients to end. */
  close(): void {
    this.#closed.abort()
  }

  #isHere(parts: readonly FoundExtent[]): boolean {
    return parts.every(({ depth, extent }) => {
      if (extent.kind === 'data') return this.#layer(depth).isHere(extent.host, extent.length)
      return extent.kind !== 'compressed' || this.#layer(depth).isHere(extent.host, extent.packedBytes)
    })
  }

  #tell(parts: readonly FoundExtent[], { onTouched }: DeviceReadOptions): void {
    if (onTouched === undefined) return
    for (const { depth, extent } of parts) {
      if (extent.kind === 'data') onTouched(this.#layer(depth).manifest, extent.host, extent.length)
      else if (extent.kind === 'compressed') onTouched(this.#layer(depth).manifest, extent.host, extent.packedBytes)
    }
  }

  /**
   * Holds what has to wait for blocks, as long as it may. Work that several share ends with the client or the time of the one who began
   * it: the others do it again.
   */
  async #withPatience<T>(options: DeviceReadOptions, work: (held: DeviceReadOptions) => Promise<T>): Promise<T> {
    const patience = new Patience(this.#deps, { timeoutMs: this.#timeoutMs, signal: options.signal })
    const held = { ...options, signal: patience.signal }
    try {
      for (;;) {
        try {
          return await work(held)
        } catch (error) {
          if (error instanceof TimeUp) throw error.about(this.#layer(0).manifest.digest)
          if (patience.signal.aborted || !isOfAnother(error)) throw error
        }
      }
    } finally {
      patience.end()
    }
  }

  /** Settles when nothing touches `into` any more: its memory is used for other replies then. */
  async #readParts(
    parts: readonly FoundExtent[],
    offset: number,
    into: Buffer,
    options: DeviceReadOptions,
  ): Promise<void> {
    const reads: Promise<void>[] = []
    const packed: ExtentRead[][] = []
    for (const { depth, extent } of parts) {
      const bytes = into.subarray(extent.start - offset, extent.start - offset + extent.length)
      if (extent.kind === 'data') reads.push(this.#layer(depth).readInto(extent.host, bytes, options))
      else if (extent.kind === 'compressed') {
        packed[depth] ??= []
        packed[depth].push({ extent, into: bytes })
      } else bytes.fill(0)
    }
    for (const [depth, clusters] of packed.entries()) {
      if (clusters !== undefined) reads.push(this.#readPacked(depth, clusters, options))
    }
    for (const result of await Promise.allSettled(reads)) if (result.status === 'rejected') throw result.reason
  }

  /** Clusters are put into memory of their own first: when one of them fails the others go on. */
  async #readPacked(depth: number, clusters: readonly ExtentRead[], options: DeviceReadOptions): Promise<void> {
    const layer = this.#layer(depth)
    const arrivals = clusters.map(async ({ extent }) => {
      if (extent.kind === 'compressed') await layer.arrive(extent.host, extent.packedBytes, options)
    })
    await Promise.all(arrivals)
    const reads = clusters.map(({ extent, into }) => ({ extent, into: Buffer.allocUnsafe(into.length) }))
    await this.#chain.images[depth]?.read(reads, { signal: options.signal })
    for (const [index, { into }] of reads.entries()) into.copy(clusters[index]?.into ?? into)
  }

  #hint(parts: readonly FoundExtent[]): void {
    for (const { depth, extent } of parts) {
      if (extent.kind === 'data') this.#layer(depth).hint(extent.host, extent.length)
      else if (extent.kind === 'compressed') this.#layer(depth).hint(extent.host, extent.packedBytes)
    }
  }

  #layer(depth: number): LayerReader {
    const layer = this.#deps.layers[depth]
    if (layer === undefined) throw new TypeError(`a disk has no layer ${depth}`)
    return layer
  }

  async #lookAhead(offset: number, length: number): Promise<void> {
    this.#isLookingAhead = true
    try {
      this.#hint(await this.#map.look(offset, length, { signal: this.#closed.signal }))
    } catch {
      // It was only a hint.
    }
    this.#isLookingAhead = false
  }
}

async function openImage(reader: LayerReader, signal: AbortSignal): Promise<DiskImage> {
  reader.hint(0, Math.min(FRONT_BYTES, reader.sizeBytes))
  return reader.manifest.format === 'raw' ? new RawImage(reader) : await Qcow2Image.open(reader, { signal })
}

function isStored({ extent }: FoundExtent): boolean {
  return extent.kind === 'data' || extent.kind === 'compressed'
}

function blockExtents(parts: readonly FoundExtent[], maxCount: number): BlockExtent[] {
  const extents: { length: number; isHole: boolean; isZero: boolean }[] = []
  for (const part of parts) {
    const isZero = !isStored(part)
    const last = extents.at(-1)
    if (last?.isZero === isZero) last.length += part.extent.length
    else if (extents.length === maxCount) break
    else extents.push({ length: part.extent.length, isHole: isZero, isZero })
  }
  return extents
}

/** Whether work ended because somebody else who had begun it was gone, or had waited for too long. */
function isOfAnother(error: unknown): boolean {
  const isAbort = error instanceof Error && error.name === 'AbortError'
  return isAbort || errorCode(error) === 'SHOAL_BOOT_READ_TIMEOUT'
}
