import { createHash, generateKeyPairSync } from 'node:crypto'
import {
  Bitfield,
  BLOCK_HEADROOM_BYTES,
  type BlockBuffer,
  BlockBuffers,
  blockCount,
  blockHash,
  blockSize,
  digestFromBytes,
  encodeManifest,
  type Manifest,
  pieceCount,
  ShoalError,
  silentLogger,
  systemClock,
} from '@shoal/core'
import {
  createSwarm,
  encodeTorrent,
  type Swarm,
  type SwarmIdentity,
  type SwarmLayer,
  type SwarmOptions,
} from '@shoal/swarm'

const BLOCK_BYTES = 64 * 1024
/** Those of all layers and swarms of a test process, as a store's are of all its layers. */
export const layerBuffers = new BlockBuffers({ count: 256 })

export interface LayerDescription {
  readonly manifest: Manifest
  readonly encodedManifest: Uint8Array
  readonly torrent: Uint8Array
}

/** A layer of pseudo-random bytes, as the seed would publish it. */
export function buildLayer(
  sizeBytes: number,
  { announce = [], pieceLengthBytes = BLOCK_BYTES }: { announce?: string[]; pieceLengthBytes?: number } = {},
): { description: LayerDescription; data: Buffer } {
  const data = pseudoRandom(sizeBytes)
  const blockHashes: Buffer[] = []
  for (let at = 0; at < sizeBytes; at += BLOCK_BYTES)
    blockHashes.push(sha('sha256', data.subarray(at, at + BLOCK_BYTES)))
  const geometry = { sizeBytes, blockLengthBytes: BLOCK_BYTES, pieceLengthBytes }
  const pieceHashes = Array.from({ length: pieceCount(geometry) }, (_, piece) =>
    sha('sha1', data.subarray(piece * pieceLengthBytes, (piece + 1) * pieceLengthBytes)),
  )
  const { torrent, infoHash } = encodeTorrent({
    name: 'layer.raw',
    sizeBytes,
    pieceLengthBytes,
    pieceHashes: Buffer.concat(pieceHashes),
    announce,
  })
  const manifest: Manifest = {
    ...geometry,
    digest: digestFromBytes(sha('sha256', data)),
    parent: null,
    kind: 'base',
    format: 'raw',
    virtualSizeBytes: sizeBytes,
    createdAt: 0,
    infoHash,
    blockHashes: Buffer.concat(blockHashes),
  }
  const { privateKey } = generateKeyPairSync('ed25519')
  return { description: { manifest, encodedManifest: encodeManifest(manifest, privateKey), torrent }, data }
}

/** The layer in memory, verified as a store does it; `data` makes it complete, otherwise it is empty. */
export async function storeLayer(
  description: LayerDescription,
  data?: Uint8Array,
  buffers: BlockBuffers = layerBuffers,
): Promise<SwarmLayer> {
  const layer = new MemoryLayer(description, buffers)
  if (data !== undefined) await layer.writeBlocks(0, data)
  return layer
}

class MemoryLayer implements SwarmLayer {
  readonly manifest: Manifest
  readonly torrent: Uint8Array
  readonly present: Bitfield
  presentBytes = 0
  readonly buffers: BlockBuffers
  readonly #owner: number
  readonly #data: Buffer

  constructor({ manifest, torrent }: LayerDescription, buffers: BlockBuffers) {
    this.buffers = buffers
    this.#owner = buffers.newOwner()
    this.manifest = manifest
    this.torrent = torrent
    this.present = new Bitfield(blockCount(manifest))
    this.#data = Buffer.alloc(manifest.sizeBytes)
  }

  async writeBlocks(firstBlock: number, data: Uint8Array): Promise<void> {
    let at = 0
    for (let block = firstBlock; at < data.length; block += 1) {
      const bytes = data.subarray(at, at + blockSize(this.manifest, block))
      at += bytes.length
      if (!sha('sha256', bytes).equals(blockHash(this.manifest, block))) {
        throw new ShoalError('SHOAL_STORE_BLOCK_MISMATCH', 'bad block', { hint: 'none', details: { block } })
      }
      this.#data.set(bytes, block * this.manifest.blockLengthBytes)
      if (this.present.set(block)) this.presentBytes += bytes.length
    }
  }

  async read(offset: number, length: number): Promise<Buffer> {
    return this.#data.subarray(offset, offset + length)
  }

  async writeBlock(block: number, buffer: BlockBuffer): Promise<void> {
    const size = blockSize(this.manifest, block)
    if (this.present.has(block)) return
    await this.writeBlocks(block, buffer.payload(size))
    this.buffers.keep(buffer, this.#owner, block, size)
  }

  readBlock(block: number): BlockBuffer | Promise<BlockBuffer> {
    if (!this.present.has(block)) {
      const details = { block }
      return Promise.reject(new ShoalError('SHOAL_STORE_BLOCK_ABSENT', 'absent block', { hint: 'none', details }))
    }
    return this.buffers.find(this.#owner, block) ?? this.#load(block)
  }

  async flush(): Promise<void> {}

  async #load(block: number): Promise<BlockBuffer> {
    const buffer = await this.buffers.acquireWhenFree()
    const start = block * this.manifest.blockLengthBytes
    buffer.bytes.set(this.#data.subarray(start, start + blockSize(this.manifest, block)), BLOCK_HEADROOM_BYTES)
    return buffer
  }
}

/** A started swarm on a loopback address of its own, closed when the test ends. */
export async function startSwarm(
  t: { after(fn: () => Promise<void>): void },
  options: Partial<SwarmOptions> & Pick<SwarmOptions, 'role' | 'node' | 'host'>,
  identity?: SwarmIdentity,
): Promise<Swarm> {
  const swarm = createSwarm(
    { clock: systemClock, logger: silentLogger, buffers: layerBuffers, identity },
    { port: 0, dht: false, trackers: [], ...options },
  )
  await swarm.start()
  t.after(() => swarm.close())
  return swarm
}

/** Resolves when the swarm says that it has the whole layer. */
export function completed(swarm: Swarm): Promise<void> {
  return new Promise((resolve) => swarm.once('complete', () => resolve()))
}

function sha(algorithm: 'sha1' | 'sha256', data: Uint8Array): Buffer {
  return createHash(algorithm).update(data).digest()
}

/** Deterministic bytes that no two blocks share (xorshift32). */
function pseudoRandom(sizeBytes: number): Buffer {
  const words = new Uint32Array(Math.ceil(sizeBytes / 4))
  let state = 0x9e3779b9 ^ sizeBytes
  for (let index = 0; index < words.length; index += 1) {
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    words[index] = state
  }
  return Buffer.from(words.buffer, 0, sizeBytes)
}
