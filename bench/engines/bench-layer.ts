import { createCipheriv, createHash, generateKeyPairSync } from 'node:crypto'
import { link, open, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import {
  chooseGeometry,
  digestFromBytes,
  encodeManifest,
  encodePublicKey,
  type Geometry,
  type Manifest,
} from '@shoal/core'
import { encodeTorrent } from '@shoal/swarm'

const CHUNK_BYTES = 4 * 1024 ** 2
const NAME = 'layer.raw'

/** A layer as the seed would publish it, and as any BitTorrent client takes it. All files are in one directory. */
export interface BenchLayer {
  readonly manifest: Manifest
  readonly sizeBytes: number
  readonly sha256: string
  /** The bytes. Whoever serves them takes a hard link of it. */
  readonly file: string
  readonly torrentFile: string
  readonly manifestFile: string
  /** Checks the manifest's signature. */
  readonly publicKey: string
  readonly trackers: readonly string[]
  /** Puts the layer's file, under the torrent's name, into a directory of the same file system; its path. */
  linkInto(directory: string): Promise<string>
  /** Where a client that saves the torrent into `directory` puts the file. */
  fileIn(directory: string): string
}

/**
 * Writes a layer of bytes that do not compress, always the same for one size and number, with its manifest and torrent.
 * With `from` it is that file, of this size and on the same file system.
 */
export async function createBenchLayer(options: {
  directory: string
  sizeBytes: number
  trackers: readonly string[]
  number?: number
  from?: string
}): Promise<BenchLayer> {
  const { directory, sizeBytes, trackers, number = 0, from } = options
  const geometry = chooseGeometry(sizeBytes)
  const file = join(directory, NAME)
  if (from !== undefined) await link(from, file)
  const hashes = await hashLayer(from === undefined ? writeChunks(file, sizeBytes, number) : readChunks(file), geometry)
  const { torrent, infoHash } = encodeTorrent({
    name: NAME,
    sizeBytes,
    pieceLengthBytes: geometry.pieceLengthBytes,
    pieceHashes: hashes.pieces,
    announce: trackers,
  })
  const manifest: Manifest = {
    ...geometry,
    digest: digestFromBytes(hashes.whole),
    parent: null,
    kind: 'base',
    format: 'raw',
    virtualSizeBytes: sizeBytes,
    createdAt: 0,
    infoHash,
    blockHashes: hashes.blocks,
  }
  const { publicKey, privateKey } = generateKeyPairSync('ed25519')
  const [torrentFile, manifestFile] = [join(directory, 'layer.torrent'), join(directory, 'layer.manifest')]
  await writeFile(torrentFile, torrent)
  await writeFile(manifestFile, encodeManifest(manifest, privateKey))
  return {
    ...{ manifest, sizeBytes, file, torrentFile, manifestFile, trackers },
    sha256: hashes.whole.toString('hex'),
    publicKey: encodePublicKey(publicKey),
    async linkInto(target) {
      await link(file, join(target, NAME))
      return join(target, NAME)
    },
    fileIn: (target) => join(target, NAME),
  }
}

async function hashLayer(chunks: AsyncIterable<Buffer>, { blockLengthBytes, pieceLengthBytes }: Geometry) {
  const whole = createHash('sha256')
  const blocks: Buffer[] = []
  const pieces: Buffer[] = []
  const parts = (data: Buffer, lengthBytes: number, algorithm: string, into: Buffer[]) => {
    for (let at = 0; at < data.length; at += lengthBytes)
      into.push(
        createHash(algorithm)
          .update(data.subarray(at, at + lengthBytes))
          .digest(),
      )
  }
  // A chunk must hold whole pieces.
  if (CHUNK_BYTES % pieceLengthBytes !== 0) throw new TypeError(`pieces of ${pieceLengthBytes} bytes are too large`)
  for await (const data of chunks) {
    whole.update(data)
    parts(data, blockLengthBytes, 'sha256', blocks)
    parts(data, pieceLengthBytes, 'sha1', pieces)
  }
  return { whole: whole.digest(), blocks: Buffer.concat(blocks), pieces: Buffer.concat(pieces) }
}

/** Writes a file of made-up bytes; each chunk once it is written. */
async function* writeChunks(file: string, sizeBytes: number, number: number): AsyncGenerator<Buffer> {
  // The key stream of a cipher: bytes without any pattern, faster than a disk.
  const start = Buffer.alloc(16)
  start.writeUInt32BE(number)
  const stream = createCipheriv('aes-128-ctr', Buffer.alloc(16, 7), start)
  const zeros = Buffer.alloc(CHUNK_BYTES)
  await using output = await open(file, 'w')
  for (let at = 0; at < sizeBytes; at += CHUNK_BYTES) {
    const data = stream.update(zeros.subarray(0, Math.min(CHUNK_BYTES, sizeBytes - at)))
    await output.write(data)
    yield data
  }
}

async function* readChunks(file: string): AsyncGenerator<Buffer> {
  await using input = await open(file)
  const chunk = Buffer.alloc(CHUNK_BYTES)
  for (;;) {
    const { bytesRead } = await input.read(chunk, 0, CHUNK_BYTES)
    if (bytesRead === 0) return
    yield chunk.subarray(0, bytesRead)
  }
}
