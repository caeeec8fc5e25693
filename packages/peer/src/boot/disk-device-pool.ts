import type { Clock, Digest, Logger } from '@shoal/core'
import type { StoredLayer } from '@shoal/layer-store'
import type { BlockSource } from './block-source.ts'
import { DiskDevice } from './disk-device.ts'
import { LayerReader } from './layer-reader.ts'
import { SharedWork } from './layer-reader-shared.ts'

export interface DiskPoolDeps {
  readonly source: BlockSource
  readonly clock: Clock
  readonly random: () => number
  readonly logger: Logger
}

/** A disk that is open for one user. */
export interface OpenDisk {
  readonly disk: DiskDevice
  /** What it is made of, the base first. */
  readonly layers: readonly LayerReader[]
  /** Ends this user's use; idempotent. */
  release(): void
}

/** Disks and layers that are read. Those of one image boot from the same ones: tables and waits are shared. */
export class DiskPool {
  readonly #deps: DiskPoolDeps
  readonly #timeoutMs: number
  readonly #layers = new Map<Digest, { readonly reader: LayerReader; users: number }>()
  readonly #disks = new Map<Digest, { readonly device: DiskDevice; users: number }>()
  readonly #opening = new SharedWork((top: Digest, signal) => this.#open(top, signal))

  constructor(deps: DiskPoolDeps, options: { timeoutMs: number }) {
    this.#deps = deps
    this.#timeoutMs = options.timeoutMs
  }

  /** Opens the disk that layers show, the base first. Waits for what it has to read of them; throws as `DiskDevice.open`. */
  async open(stored: readonly StoredLayer[], { signal }: { signal: AbortSignal }): Promise<OpenDisk> {
    const top = stored.at(-1)?.manifest.digest
    if (top === undefined) throw new TypeError('a disk of no layer')
    const layers = stored.map((layer) => this.#useLayer(layer))
    let isOpen = false
    let isReleased = false
    const release = () => {
      if (isReleased) return
      isReleased = true
      if (isOpen) this.#releaseDisk(top)
      this.#dropUnused(top)
      for (const { manifest } of layers) this.#releaseLayer(manifest.digest)
    }
    try {
      if (!this.#disks.has(top)) await this.#opening.join(top, signal)
      const disk = this.#disks.get(top)
      if (disk === undefined) throw new TypeError(`disk ${top} was not opened`)
      disk.users += 1
      isOpen = true
      return { disk: disk.device, layers, release }
    } catch (error) {
      release()
      throw error
    }
  }

  async #open(top: Digest, signal: AbortSignal): Promise<void> {
    const layers: LayerReader[] = []
    for (let digest: Digest | null = top; digest !== null; ) {
      const reader: LayerReader | undefined = this.#layers.get(digest)?.reader
      if (reader === undefined) throw new TypeError(`layer ${digest} is not open`)
      layers.push(reader)
      digest = reader.manifest.parent
    }
    const device = await DiskDevice.open({ clock: this.#deps.clock, layers }, { timeoutMs: this.#timeoutMs, signal })
    signal.throwIfAborted()
    this.#disks.set(top, { device, users: 0 })
  }

  #useLayer(layer: StoredLayer): LayerReader {
    const { digest } = layer.manifest
    const known = this.#layers.get(digest) ?? { reader: new LayerReader({ ...this.#deps, layer }), users: 0 }
    known.users += 1
    this.#layers.set(digest, known)
    return known.reader
  }

  #releaseLayer(digest: Digest): void {
    const known = this.#layers.get(digest)
    if (known === undefined) return
    known.users -= 1
    if (known.users === 0) this.#layers.delete(digest)
  }

  #releaseDisk(top: Digest): void {
    const known = this.#disks.get(top)
    if (known !== undefined) known.users -= 1
  }

  /** Also what was opened for somebody who was gone by then. */
  #dropUnused(top: Digest): void {
    const known = this.#disks.get(top)
    if (known === undefined || known.users > 0 || this.#opening.isUnderWay(top)) return
    known.device.close()
    this.#disks.delete(top)
  }
}
