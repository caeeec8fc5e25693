import type { Digest, Logger } from '@shoal/core'
import type { LayerStore, StoredLayer } from '@shoal/layer-store'
import { type NbdLimits, NbdServer } from '@shoal/nbd'
import { bootSocket } from './block-server-socket.ts'
import { BootExports } from './boot-exports.ts'
import type { ReadObserver } from './boot-reads.ts'
import { WatchedDevice } from './boot-reads-device.ts'
import { checkChain } from './boots-layers.ts'
import type { BlockServer, OpenBoot, ServedBoot } from './boots-ports.ts'
import { DiskPool, type DiskPoolDeps, type OpenDisk } from './disk-device-pool.ts'
import { bootError } from './errors.ts'
import { LayerDevice } from './layer-device.ts'

const MIB = 1024 * 1024
/** A VM has one connection, and what looks at its disk beside it a few. A node may serve a thousand VMs. */
const LIMITS: Partial<NbdLimits> = {
  connections: 32,
  bytesPerConnection: 32 * MIB,
  sharedBytes: 64 * MIB,
  idleBytes: 8 * MIB,
}
/** For replies that are under way when a boot is released, or the daemon stops. */
const GRACE_MS = 2000

export interface NbdBlockServerDeps extends DiskPoolDeps {
  readonly store: Pick<LayerStore, 'get'>
  /** Who hears of what a disk's reads are. */
  readonly observe: (boot: ServedBoot) => ReadObserver
  readonly logger: Logger
  /** Told of each connection that had to go because there were too many. */
  readonly onRefused?: () => void
}

export interface NbdBlockServerOptions {
  /** Of the sockets, one for each disk. */
  readonly directory: string
  /** Permissions of the sockets: QEMU runs as another user. */
  readonly mode: number
  /** How long a read waits for a block that nobody can give, before it fails. */
  readonly readTimeoutMs: number
}

interface Serving {
  readonly server: NbdServer
  readonly disk: OpenDisk
  readonly observer: ReadObserver
}

/** Serves disks by NBD, each on a unix socket of its own, of layers that are here in part. */
export class NbdBlockServer implements BlockServer, AsyncDisposable {
  readonly #deps: NbdBlockServerDeps
  readonly #options: NbdBlockServerOptions
  readonly #disks: DiskPool
  readonly #serving = new Set<Serving>()

  constructor(deps: NbdBlockServerDeps, options: NbdBlockServerOptions) {
    this.#deps = deps
    this.#options = options
    this.#disks = new DiskPool(deps, { timeoutMs: options.readTimeoutMs })
  }

  /**
   * Serves the disk under the boot's name and as the default, and the files of its layers under their digests. Waits for what it has to
   * read first. Throws `SHOAL_BOOT_*`, `SHOAL_QCOW2_*`, `SHOAL_NBD_*` and the signal's reason.
   */
  async open(boot: ServedBoot, { signal }: { signal: AbortSignal }): Promise<OpenBoot> {
    const stored = boot.layers.map((digest) => this.#stored(digest))
    checkChain(stored)
    const top = stored.at(-1)?.manifest.digest
    if (top === undefined) throw new TypeError('a boot of no layer')
    const disk = await this.#disks.open(stored, { signal })
    const { clock, logger, observe, onRefused } = this.#deps
    const observer = observe(boot)
    const device = new WatchedDevice({ device: disk.disk, observer, clock }, { name: boot.name, layer: top })
    const { readTimeoutMs, directory, mode } = this.#options
    const layers = disk.layers.map((layer) => ({
      name: layer.manifest.digest,
      description: `The file of the ${layer.manifest.kind}, ${layer.manifest.format}.`,
      device: new LayerDevice({ clock, layer }, { timeoutMs: readTimeoutMs }),
    }))
    const exports = new BootExports({ name: boot.name, description: 'The disk, raw.', device }, layers)
    const server = new NbdServer({ exports, log: logger, ...(onRefused && { onRefused }) }, { limits: LIMITS })
    const socket = bootSocket(directory, boot.name)
    try {
      await server.listenUnix(socket, { mode })
      signal.throwIfAborted()
    } catch (error) {
      await server.close({ graceMs: 0 })
      disk.release()
      observer.onClosed?.()
      throw error
    }
    const serving = { server, disk, observer }
    this.#serving.add(serving)
    const close = () => this.#close(serving, { willReturn: false })
    return { socket, reads: () => device.tally.reads, close }
  }

  /** The daemon stops: what is not answered is left for its successor, which VMs connect to again. */
  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([...this.#serving].map((serving) => this.#close(serving, { willReturn: true })))
  }

  async #close(serving: Serving, { willReturn }: { willReturn: boolean }): Promise<void> {
    await serving.server.close({ graceMs: GRACE_MS, willReturn })
    serving.disk.release()
    serving.observer.onClosed?.()
    this.#serving.delete(serving)
  }

  #stored(layer: Digest): StoredLayer {
    const stored = this.#deps.store.get(layer)
    if (stored !== undefined) return stored
    throw bootError('SHOAL_BOOT_LAYER_INVALID', { layer, reason: 'it is not in the store' })
  }
}
