import { createHash, generateKeyPairSync, randomBytes } from 'node:crypto'
import type { Digest } from '@shoal/core'
import { silentLogger, systemClock, TokenBucket } from '@shoal/core'
import { createMemoryLayerStore, type LayerStore } from '@shoal/layer-store'
import type { GlanceImage } from '@shoal/openstack'
import { createMemoryState, type StateStore } from '@shoal/state'
import { EventJournal } from '../../src/events/event-journal.ts'
import { Catalogue } from '../../src/images/catalogue.ts'
import { Publication } from '../../src/images/publication.ts'
import type { ImageSource } from '../../src/imports/image-reader.ts'
import { ImportJournal } from '../../src/imports/import-journal.ts'
import { Importer } from '../../src/imports/importer.ts'
import { LayerWorker } from '../../src/layers/layer-worker.ts'
import { Middles } from '../../src/middles/middles.ts'
import { Assignments } from '../../src/nodes/assignments.ts'
import { type CertificateSource, keyManagerCertificates } from '../../src/signatures/certificate-source.ts'
import { ImageSignatures, type SignaturePolicy } from '../../src/signatures/image-signatures.ts'

const MIB = 1024 ** 2
const UNTOUCHED = {
  ...{ layer: null, import: null, inspection: null },
  ...{ chain: null, layering: null, signature: null, deletedAt: null },
} as const
export const { privateKey } = generateKeyPairSync('ed25519')

type DownloadOptions = Parameters<ImageSource['download']>[1]

/** An image library in memory that counts what it is asked for. */
export class MemoryLibrary {
  readonly images = new Map<string, GlanceImage>()
  readonly #contents = new Map<string, Buffer>()
  /** Offsets of the downloads, in order. */
  readonly reads: number[] = []
  /** Called before each 64 KiB; what it throws or waits for is the library's doing. */
  onChunk: (image: string, offset: number) => void | Promise<void> = () => {}
  /** A store behind Glance that cannot start in the middle. */
  canRange = true

  add(name: string, content: Buffer = diskImage()): GlanceImage {
    const digit = String(this.images.size + 1)
    const image: GlanceImage = {
      id: `00000000-0000-4000-8000-${digit.padStart(12, '0')}`,
      name,
      status: 'active',
      visibility: 'public',
      diskFormat: 'raw',
      containerFormat: 'bare',
      sizeBytes: content.length,
      virtualSizeBytes: content.length,
      osHashAlgo: 'sha512',
      osHashValue: createHash('sha512').update(content).digest('hex'),
      checksum: null,
      tags: [],
      owner: null,
      createdAt: '2026-01-01T00:00:00Z',
      updatedAt: '2026-01-01T00:00:00Z',
      properties: {},
    }
    this.images.set(image.id, image)
    this.#contents.set(image.id, content)
    return image
  }

  change(id: string, change: Partial<GlanceImage>): void {
    const image = this.images.get(id)
    if (image !== undefined) this.images.set(id, { ...image, ...change })
  }

  async show(id: string): Promise<GlanceImage | undefined> {
    return this.images.get(id)
  }

  async *download(image: GlanceImage, { offset = 0, signal, onRequest, onSkip }: DownloadOptions) {
    this.reads.push(offset)
    onRequest?.({ offset, status: 200 })
    const content = this.#contents.get(image.id) ?? Buffer.alloc(0)
    if (!this.canRange) await onSkip?.(offset)
    for (let at = offset; at < content.length; at += 65_536) {
      await this.onChunk(image.id, at)
      signal?.throwIfAborted()
      yield content.subarray(at, at + 65_536)
    }
  }
}

/** Everything between the library and the swarm, in memory; made again over the same state and store it is a restart. */
export async function openImports(
  library: MemoryLibrary,
  options: {
    state?: StateStore
    store?: LayerStore
    bucket?: TokenBucket
    durableBytes?: number
    certificates?: CertificateSource
    policy?: Partial<SignaturePolicy>
  } = {},
) {
  const { state = createMemoryState(), store = createMemoryLayerStore() } = options
  const { bucket = new TokenBucket(systemClock, { rateBytesPerSecond: Number.POSITIVE_INFINITY }) } = options
  const clock = systemClock
  const logger = silentLogger
  await store.open()
  const journal = new EventJournal({ state, clock }, { limit: 1000 })
  const catalogue = new Catalogue(state)
  const assignments = new Assignments({ state, clock })
  const imports = new ImportJournal(state)
  for (const part of [journal, catalogue, assignments, imports]) await part.open()
  const seeded = new Set<Digest>()
  const swarm = {
    get: (digest: Digest) => (seeded.has(digest) ? ({} as never) : undefined),
    join: async ({ manifest }: { manifest: { digest: Digest } }) => {
      seeded.add(manifest.digest)
      return {} as never
    },
    leave: async (digest: Digest) => void seeded.delete(digest),
  }
  const publication = new Publication({ catalogue, assignments, journal, imports, store, swarm, logger })
  const middles = new Middles({ catalogue, store, startWorker: (image) => new LayerWorker(image) })
  const observer = { onBytes: () => {}, onRequest: () => {}, onEnd: () => {}, onSignature: () => {} }
  const signatures = new ImageSignatures(
    { certificates: options.certificates ?? keyManagerCertificates(undefined), clock, logger },
    { policy: 'signed', trustedCertificates: [], ...options.policy },
  )
  const importer = new Importer(
    {
      ...{ source: library, store, journal, imports, catalogue, publisher: publication },
      ...{ middles, signatures, bucket, clock, logger, observer },
    },
    {
      queueLength: 10,
      concurrency: 2,
      attempts: 1,
      durableBytes: options.durableBytes ?? MIB,
      privateKey: () => privateKey,
      limits: { maxImageBytes: 64 * MIB, maxVirtualBytes: 64 * MIB },
      announce: () => [],
    },
  )
  await publication.open()
  const know = async (image: GlanceImage) => {
    const known = catalogue.image(image.id)
    const record = known === undefined ? { image, ...UNTOUCHED } : { ...known, image }
    await journal.append([], [catalogue.putImage(record)])
  }
  return {
    state,
    store,
    journal,
    catalogue,
    imports,
    publication,
    signatures,
    importer,
    seeded,
    know,
    /** Imports an image that the library shows; gives its record when that has ended. */
    async import(image: GlanceImage) {
      await know(image)
      await importer.request(image)
      await importer.settled(image.id)
      return catalogue.image(image.id)
    },
  }
}

/** Random content that looks like no known format. */
export function diskImage(sizeBytes = 4 * MIB): Buffer {
  const content = randomBytes(sizeBytes)
  content.fill(0, 0, 4096)
  return content
}
