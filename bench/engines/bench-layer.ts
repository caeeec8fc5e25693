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

/** Writes a layer of bytes that do not compress, always the same for one size and number, with its manifest and torrent. */
export async function createBenchLayer(options: {
  directory: string
  sizeBytes: number
  trackers: readonly string[]
  number?: number
}): Promise<BenchLayer> {
  const { directory, sizeBytes, trackers, number = 0 } = options
  const geometry = chooseGeometry(sizeBytes)
  const file = join(directory, NAME)
  const hashes = await writeLayer(file, geometry, number)
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

async function writeLayer(file: string, geometry: Geometry, number: number) {
  const { sizeBytes, blockLengthBytes, pieceLengthBytes } = geometry
  // The key stream of a cipher: bytes without any pattern, faster than a disk.
  const start = Buffer.alloc(16)
  start.writeUInt32BE(number)
  const stream = createCipheriv('aes-128-ctr', Buffer.alloc(16, 7), start)
  const zeros = Buffer.alloc(CHUNK_BYTES)
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
  await using output = await open(file, 'w')
  for (let at = 0; at < sizeBytes; at += CHUNK_BYTES) {
    const data = stream.update(zeros.subarray(0, Math.min(CHUNK_BYTES, sizeBytes - at)))
    whole.update(data)
    parts(data, blockLengthBytes, 'sha256', blocks)
    parts(data, pieceLengthBytes, 'sha1', pieces)
    await output.write(data)
  }
  return { whole: whole.digest(), blocks: Buffer.concat(blocks), pieces: Buffer.concat(pieces) }
}
