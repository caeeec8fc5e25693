import { createHash } from 'node:crypto'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { networkInterfaces, tmpdir } from 'node:os'
import { join } from 'node:path'
import { silentLogger, systemClock, TransferLimits } from '@shoal/core'
import {
  createSwarm,
  createTracker,
  type LayerSwarm,
  type Swarm,
  type SwarmIdentity,
  type SwarmLayer,
  type SwarmRole,
} from '@shoal/swarm'
import { buildLayer, completed, type LayerDescription, layerBuffers, storeLayer } from '@shoal/swarm/layer-fixture'
import { ipCommand } from '../../infra/lab/ip-command.ts'
import { createLab, type Lab } from '../../infra/lab/lab.ts'
import { FOREIGN_NAMES, type ForeignClient, type ForeignName, startForeign } from './foreign-client.ts'
import type { Undo } from './undo.ts'
import { until } from './until.ts'

const ANNOUNCE_INTERVAL_MS = 2000
const PIECE_LENGTH_BYTES = 256 * 1024

/** One of our daemons' swarms, in one layer. */
export interface OwnMember {
  readonly swarm: Swarm
  readonly layer: SwarmLayer
  readonly joined: LayerSwarm
  /** Resolves when it has the whole layer. */
  readonly completed: Promise<void>
}

export interface OwnOptions {
  readonly role?: SwarmRole
  /** Whether it holds the layer from the start. */
  readonly isComplete?: boolean
  /** Whether it announces itself; one that does not is known to nobody. */
  readonly isAnnounced?: boolean
  readonly upBytesPerSecond?: number
  /** Its credential; without one it talks with anybody. */
  readonly identity?: SwarmIdentity
}

/**
 * One layer, our tracker, and a machine of a lab for each foreign client: Transmission neither dials loopback addresses nor
 * keeps two connections to one address, so all have real addresses of their own.
 */
export class ForeignSwarm {
  readonly data: Buffer
  readonly #undo: Undo
  readonly #lab: Lab
  readonly #description: LayerDescription
  readonly #trackers: readonly string[]
  readonly #peers: () => number
  readonly #registered: Map<string, { address: string }>
  #ownCount = 0

  private constructor(init: {
    undo: Undo
    lab: Lab
    description: LayerDescription
    data: Buffer
    trackers: readonly string[]
    peers: () => number
    registered: Map<string, { address: string }>
  }) {
    this.data = init.data
    this.#undo = init.undo
    this.#lab = init.lab
    this.#description = init.description
    this.#trackers = init.trackers
    this.#peers = init.peers
    this.#registered = init.registered
  }

  /** Builds it all; it goes when `undo` does. Needs root. */
  static async create(undo: Undo, sizeBytes: number): Promise<ForeignSwarm> {
    const lab = await createLab({ core: FOREIGN_NAMES.map((name) => ({ name })) })
    undo.after(() => lab.destroy())
    const registered = new Map<string, { address: string }>()
    const tracker = createTracker(
      { logger: silentLogger },
      {
        host: lab.rootAddress,
        isOpen: true,
        port: 0,
        announceIntervalMs: ANNOUNCE_INTERVAL_MS,
        allows: () => true,
        describe: (peerId) => registered.get(peerId),
      },
    )
    const trackers = await tracker.start()
    undo.after(() => tracker.stop())
    const { description, data } = buildLayer(sizeBytes, { announce: trackers, pieceLengthBytes: PIECE_LENGTH_BYTES })
    return new ForeignSwarm({ undo, lab, description, data, trackers, peers: () => tracker.peers(), registered })
  }

  get infoHash(): string {
    return this.#description.manifest.infoHash
  }

  /** A swarm of ours in the layer, on an address of its own. */
  async own(node: string, options: OwnOptions = {}): Promise<OwnMember> {
    const { role = 'peer', isComplete = false, isAnnounced = true, identity, ...rates } = options
    const swarm = createSwarm(
      { clock: systemClock, logger: silentLogger, buffers: layerBuffers, identity },
      {
        role,
        node,
        host: await this.address(),
        isOpen: true,
        port: 0,
        dht: false,
        trackers: isAnnounced ? this.#trackers : [],
        announceIntervalMs: ANNOUNCE_INTERVAL_MS,
        limits: new TransferLimits(systemClock, rates),
      },
    )
    await swarm.start()
    this.#undo.after(() => swarm.close())
    this.#registered.set(swarm.peerId, { address: swarm.address })
    const layer = await storeLayer(this.#description, isComplete ? this.data : undefined)
    const done = completed(swarm)
    const joined = await swarm.join(layer)
    return { swarm, layer, joined, completed: done }
  }

  /** Waits until the tracker hands out so many: who comes after that finds them with its first announce. */
  async announced(count: number): Promise<void> {
    await until(`the tracker knows ${count} peers`, async () => this.#peers() >= count)
  }

  /** A foreign client in the layer, with the directory where its file is. */
  async foreign(name: ForeignName): Promise<ForeignMember> {
    const directory = await mkdtemp(join(tmpdir(), `shoal-${name}-`))
    this.#undo.after(() => rm(directory, { recursive: true, force: true }))
    const torrentFile = join(directory, 'layer.torrent')
    await writeFile(torrentFile, this.#description.torrent)
    const client = await startForeign(name, { host: this.#lab.host(name), torrentFile, directory })
    this.#undo.after(() => client.stop())
    return { ...client, sha256: async () => sha256(await readFile(join(directory, 'layer.raw'))) }
  }

  /** One more address of this machine in the lab's network; the lab takes it away with its link. */
  async address(): Promise<string> {
    this.#ownCount += 1
    const { rootAddress } = this.#lab
    const [link] =
      Object.entries(networkInterfaces()).find(([, addresses]) =>
        addresses?.some(({ address }) => address === rootAddress),
      ) ?? []
    if (link === undefined) throw new TypeError(`no link has the address ${rootAddress}`)
    const address = rootAddress.replace(/\d+\.\d+$/, `255.${this.#ownCount}`)
    await ipCommand(['ip', 'address', 'add', `${address}/16`, 'dev', link])
    return address
  }
}

export interface ForeignMember extends ForeignClient {
  /** SHA-256 of the file as it is on the disk, hexadecimal. */
  sha256(): Promise<string>
}

export function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex')
}
