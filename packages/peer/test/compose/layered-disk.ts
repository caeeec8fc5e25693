import { execFile } from 'node:child_process'
import { createCipheriv } from 'node:crypto'
import { promisify } from 'node:util'
import type { Digest } from '@shoal/core'
import { Chain, type GuestDisk, RawImage, writeLayer } from '@shoal/qcow2'
import { type LayerFixture, publishedLayer, signingKey } from '../layer-fixture.ts'

const run = promisify(execFile)
const { privateKey, publicKey } = signingKey()

/** Checks the manifests of the layers made here. */
export { publicKey }

/** A disk as a base and a middle above it, and as the flat bytes that both together show. */
export interface LayeredDisk {
  readonly base: LayerFixture
  readonly middle: LayerFixture
  readonly baseBytes: Buffer
  readonly flat: Buffer
}

/** The base is `sizeBytes` long, the disk half as long again; much of both is zeros. */
export async function layeredDisk(options: {
  baseFormat: 'raw' | 'qcow2'
  sizeBytes: number
  seed?: number
}): Promise<LayeredDisk> {
  const { baseFormat, sizeBytes, seed = 1 } = options
  const baseBytes = diskBytes(sizeBytes, seed)
  const flat = Buffer.concat([baseBytes], sizeBytes * 1.5)
  const quarter = sizeBytes / 4
  diskBytes(quarter, seed + 1).copy(flat, quarter + 4096)
  flat.fill(0, 2.5 * quarter, 3 * quarter)
  flat.write('beyond the base', sizeBytes + quarter)
  const below = rawDisk(baseBytes)
  const base = baseFormat === 'raw' ? publishedLayer(privateKey, baseBytes) : await qcow2Layer({ disk: below })
  const middle = await qcow2Layer({ disk: rawDisk(flat), base: below }, base.manifest.digest)
  return { base, middle, baseBytes, flat }
}

/** A base whose disk is this pattern again and again: a lot to write out, and little as a layer. */
export function largeBase(sizeBytes: number, pattern: Buffer = Buffer.from('to be written')): Promise<LayerFixture> {
  const read = async (offset: number, length: number) => Buffer.alloc(Math.min(length, sizeBytes - offset), pattern)
  const stored = async function* (start: number, length: number) {
    yield { start, length }
  }
  return qcow2Layer({ disk: { virtualSizeBytes: sizeBytes, read, stored } })
}

/** A published qcow2 layer, compressed as those of Shoal are. */
async function qcow2Layer(content: { disk: GuestDisk; base?: GuestDisk }, parent: Digest | null = null) {
  let file = Buffer.alloc(0)
  const sink = {
    write: async (offset: number, bytes: Buffer) => {
      if (offset + bytes.length > file.length) file = Buffer.concat([file], offset + bytes.length)
      bytes.copy(file, offset)
    },
  }
  await writeLayer(content, sink, { clusterBits: 16, compression: 'zstd', level: 1 })
  const { virtualSizeBytes } = content.disk
  return publishedLayer(privateKey, file, { format: 'qcow2', virtualSizeBytes, parent })
}

/** A raw disk in memory. */
export function rawDisk(bytes: Buffer): Chain {
  const read = async (offset: number, length: number) => Buffer.from(bytes.subarray(offset, offset + length))
  return new Chain([new RawImage({ sizeBytes: bytes.length, read })])
}

/** Noise and zeros, in runs of 128 KiB; the same for the same seed. */
function diskBytes(sizeBytes: number, seed: number): Buffer {
  const key = Buffer.alloc(16, `disk ${seed}`)
  const bytes = createCipheriv('aes-128-ctr', key, Buffer.alloc(16)).update(Buffer.alloc(sizeBytes))
  for (let at = 0; at < sizeBytes; at += 384 * 1024) bytes.fill(0, at, Math.min(at + 256 * 1024, sizeBytes))
  return bytes
}

/** Runs the real qemu-img; rejects when it does not exit with 0, as `compare` does for images that differ. */
export async function qemuImg(...args: string[]): Promise<string> {
  return (await run('qemu-img', args)).stdout
}
