import { createHash, generateKeyPairSync } from 'node:crypto'
import { link, mkdir, open, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import {
  blockCount,
  chooseGeometry,
  digestFromBytes,
  encodeManifest,
  encodePublicKey,
  type Manifest,
  pieceCount,
} from '@shoal/core'
import { encodeTorrent } from '@shoal/swarm'
import { createBenchLayer } from '../engines/bench-layer.ts'

/** What a process is told of a layer. */
export interface ListedLayer {
  readonly manifestFile: string
  readonly torrentFile: string
  readonly publicKey: string
}

export interface ManyLayer extends ListedLayer {
  readonly manifest: Manifest
  readonly sizeBytes: number
  readonly file: string
  readonly sha256: string
}

/** The tracker is named on the command line instead: each run has its own. */
const NO_TRACKERS: readonly string[] = []

/** Layers of these sizes, no two alike. */
export async function createManyLayers(directory: string, sizes: readonly number[]): Promise<ManyLayer[]> {
  const layers: ManyLayer[] = []
  for (const [number, sizeBytes] of sizes.entries()) {
    const own = join(directory, `layer${number}`)
    await mkdir(own)
    layers.push(await createBenchLayer({ directory: own, sizeBytes, trackers: NO_TRACKERS, number }))
  }
  return layers
}

/**
 * A layer of zeros in a sparse file: all that is large about it is what is kept of it, its manifest, torrent and bitfields. Its
 * digest is made up, as nobody is going to hash so much.
 */
export async function createSparseLayer(directory: string, sizeBytes: number): Promise<ManyLayer> {
  const own = join(directory, `sparse${sizeBytes}`)
  await mkdir(own)
  const geometry = chooseGeometry(sizeBytes)
  const repeated = (algorithm: string, lengthBytes: number, count: number) => {
    const hash = createHash(algorithm).update(Buffer.alloc(lengthBytes)).digest()
    return Buffer.alloc(count * hash.length, hash)
  }
  const { torrent, infoHash } = encodeTorrent({
    name: 'layer.raw',
    sizeBytes,
    pieceLengthBytes: geometry.pieceLengthBytes,
    pieceHashes: repeated('sha1', geometry.pieceLengthBytes, pieceCount(geometry)),
    announce: NO_TRACKERS,
  })
  const manifest: Manifest = {
    ...geometry,
    digest: digestFromBytes(createHash('sha256').update(`zeros ${sizeBytes}`).digest()),
    parent: null,
    kind: 'base',
    format: 'raw',
    virtualSizeBytes: sizeBytes,
    createdAt: 0,
    infoHash,
    blockHashes: repeated('sha256', geometry.blockLengthBytes, blockCount(geometry)),
  }
  const { publicKey, privateKey } = generateKeyPairSync('ed25519')
  const [file, torrentFile, manifestFile] = ['layer.raw', 'layer.torrent', 'layer.manifest'].map((name) =>
    join(own, name),
  ) as [string, string, string]
  await using sparse = await open(file, 'w')
  await sparse.truncate(sizeBytes)
  await writeFile(torrentFile, torrent)
  await writeFile(manifestFile, encodeManifest(manifest, privateKey))
  return {
    ...{ manifest, sizeBytes, file, torrentFile, manifestFile },
    publicKey: encodePublicKey(publicKey),
    sha256: '',
  }
}

/** Lists the layers in a node's directory, and puts their bytes there if it is to hold them. */
export async function listLayers(
  layers: readonly ManyLayer[],
  { directory, holds }: { directory: string; holds: boolean },
): Promise<string> {
  await mkdir(directory, { recursive: true })
  const list = join(directory, 'layers.json')
  const listed: ListedLayer[] = layers.map(({ manifestFile, torrentFile, publicKey }) => {
    return { manifestFile, torrentFile, publicKey }
  })
  await writeFile(list, JSON.stringify(listed))
  if (holds) await Promise.all(layers.map(({ file }, index) => link(file, join(directory, `${index}.raw`))))
  return list
}
