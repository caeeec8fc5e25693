import { type Digest, silentLogger } from '@shoal/core'
import type { LayerStore } from '@shoal/layer-store'
import { type BlockDevice, type Export, NbdServer } from '@shoal/nbd'
import { Chain, type DiskImage } from '@shoal/qcow2'
import { type BlockServer, NO_READS, type ServedBoot } from '../../src/boot/boots-ports.ts'
import { openLayer } from '../../src/compose/open-layer.ts'

/** Serves disks of layers that are whole, by NBD on one socket. `beforeRead` is awaited before each read. */
export class ChainServer implements BlockServer, AsyncDisposable {
  readonly #socket: string
  readonly #store: Pick<LayerStore, 'get'>
  readonly #devices = new Map<string, BlockDevice>()
  readonly #files = new AsyncDisposableStack()
  readonly #server: NbdServer
  beforeRead: (offset: number, options: { signal: AbortSignal }) => Promise<void> = async () => {}

  constructor(store: Pick<LayerStore, 'get'>, options: { socket: string }) {
    this.#store = store
    this.#socket = options.socket
    const exported = (name: string): Export | undefined => {
      const device = this.#devices.get(name)
      return device === undefined ? undefined : { name, description: '', device, release: () => {} }
    }
    const exports = { find: async (name: string) => exported(name), list: async () => [] }
    this.#server = new NbdServer({ exports, log: silentLogger })
  }

  async start(): Promise<this> {
    await this.#server.listenUnix(this.#socket)
    return this
  }

  async open({ name, layers }: ServedBoot) {
    const images: DiskImage[] = []
    for (const digest of layers.toReversed()) images.push(await this.#image(digest))
    this.#devices.set(name, this.#device(new Chain([images[0] as DiskImage, ...images.slice(1)])))
    const close = async () => void this.#devices.delete(name)
    return { socket: this.#socket, reads: () => NO_READS, close }
  }

  /** As a daemon that is told to stop: what was not answered will be asked again. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server.close({ willReturn: true, graceMs: 1 })
    await this.#files.disposeAsync()
  }

  async #image(digest: Digest): Promise<DiskImage> {
    const stored = this.#store.get(digest)
    if (stored?.isComplete !== true) throw new Error('it is not whole yet')
    const { format, sizeBytes } = stored.manifest
    return this.#files.use(await openLayer({ path: stored.path, format, sizeBytes })).image
  }

  #device(chain: Chain): BlockDevice {
    return {
      sizeBytes: chain.virtualSizeBytes,
      blockSizes: { minimum: 512, preferred: 4096, maximum: 32 * 1024 ** 2 },
      isReadOnly: true,
      read: async (offset, length, into, { signal }) => {
        await this.beforeRead(offset, { signal })
        const bytes = await chain.read(offset, length)
        signal.throwIfAborted()
        bytes.copy(into)
      },
      extents: (_offset, length) => [{ length, isHole: false, isZero: false }],
    }
  }
}
