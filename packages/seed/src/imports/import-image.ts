import type { KeyObject } from 'node:crypto'
import { type Clock, chooseGeometry, errorFactory, type TokenBucket } from '@shoal/core'
import { createImageHash, type GlanceImage, openstackErrors } from '@shoal/openstack'
import {
  assertAccepted,
  checkDeclaration,
  type ImageLimits,
  inspectHead,
  inspectImage,
  type Verdict,
} from '@shoal/qcow2/inspect'
import { seedError } from '../errors.ts'
import { changedField, type SignatureVerdict } from '../images/image-record.ts'
import { hashLayer } from '../layers/hash-layer.ts'
import type { Middles } from '../middles/middles.ts'
import { strippedHead } from '../middles/stripped-head.ts'
import type { ImageSignatures } from '../signatures/image-signatures.ts'
import { type ImageSource, readImage } from './image-reader.ts'
import { type BuiltLayer, buildLayer } from './layer-builder.ts'
import { LayerHasher } from './layer-hasher.ts'
import { StagingFile } from './staging-file.ts'

/** The image library as an import needs it. */
export interface ImportSource extends ImageSource {
  show(id: string, options: { signal?: AbortSignal }): Promise<GlanceImage | undefined>
}

export interface ImportImageDeps {
  readonly source: ImportSource
  readonly bucket: TokenBucket
  readonly clock: Clock
  readonly middles: Pick<Middles, 'claimOf' | 'prove'>
  readonly signatures: Pick<ImageSignatures, 'claimOf' | 'refusalOf'>
}

/** A layer whose file is staged. */
export interface ImportedLayer {
  readonly layer: BuiltLayer
  /** What the first bytes of the staged file have to be before it is the layer; `undefined`: they are. */
  readonly head: Buffer | undefined
}

export interface ImportImageOptions {
  readonly image: GlanceImage
  readonly stagingPath: string
  /** Length of the staging file's durable prefix from an earlier attempt. Bytes. */
  readonly keepBytes: number
  /** How much is written between two syncs. Bytes. */
  readonly durableBytes: number
  readonly limits: ImageLimits
  readonly announce: readonly string[]
  readonly privateKey: KeyObject
  readonly signal: AbortSignal
  readonly onKept: (keptBytes: number) => Promise<void>
  readonly onRequest: () => void
  readonly onBytes: (bytes: number) => void
  readonly onSkipped: (bytes: number) => void
  readonly onDurable: (durableBytes: number) => Promise<void>
  readonly onVerifying: () => Promise<void>
  /** Called once with what inspection found: of a bad image as soon as that is known, of a good one when all of it was read. */
  readonly onInspected: (verdict: Verdict) => Promise<void>
  /** Called once with what was found of the image's signature, before anything else is made of the bytes; `null`: none is asked for. */
  readonly onSignature: (verdict: SignatureVerdict | null) => Promise<void>
}

const openstackError = errorFactory(openstackErrors)

/**
 * Reads an image and makes the layer of it, in the staging file and in memory: nothing is published here. Every check
 * has passed when it resolves, the library's own last word included. Throws the code of the first that did not.
 */
export async function importImage(deps: ImportImageDeps, options: ImportImageOptions): Promise<ImportedLayer> {
  const { image, limits, signal } = options
  const refusing = async <T>(judge: () => T | Promise<T>): Promise<T> => {
    try {
      return await judge()
    } catch (error) {
      const refusal = deps.signatures.refusalOf(image, error)
      if (refusal !== undefined) await options.onSignature(refusal)
      throw error
    }
  }
  const middle = deps.middles.claimOf(image)
  const declared = { ...checkDeclaration(image, limits), allowsBackingFile: middle !== undefined }
  const { algorithm } = createImageHash(image)
  const expected = (image.osHashValue ?? image.checksum ?? '').toLowerCase()
  const geometry = chooseGeometry(declared.sizeBytes)
  // First, so that a signature that cannot be right costs nothing of the library.
  const signature = await refusing(() => deps.signatures.claimOf(image, { signal }))
  const { staging, keptBytes } = await StagingFile.open(image.id, options.stagingPath, { keepBytes: options.keepBytes })
  await using file = staging
  await options.onKept(keptBytes)
  await using hasher = new LayerHasher(image.id, { ...geometry, algorithm, signature: signature?.parameters })
  await readImage(
    { ...deps, staging: file, hasher },
    {
      ...options,
      sizeBytes: declared.sizeBytes,
      keptBytes,
      onHead: async (head) => {
        const verdict = inspectHead(head, declared, limits)
        if (!verdict.isAccepted) await options.onInspected(verdict)
        assertAccepted(verdict)
      },
    },
  )
  await options.onVerifying()
  const hashes = await hasher.finish()
  if (hashes.imageHash !== expected) {
    const details = { image: image.id, algorithm, actual: hashes.imageHash, expected }
    throw openstackError('SHOAL_GLANCE_HASH_MISMATCH', details)
  }
  await options.onSignature((await refusing(() => signature?.conclude(hashes.isSigned))) ?? null)
  const source = { sizeBytes: declared.sizeBytes, read: (at: number, length: number) => file.readAt(at, length) }
  const inspection = await inspectImage(source, declared, limits, { signal })
  await options.onInspected(inspection)
  assertAccepted(inspection)
  const { format, virtualSizeBytes } = inspection
  const path = options.stagingPath
  if (middle !== undefined) await deps.middles.prove(image.id, middle, { path, virtualSizeBytes, signal })
  const head = middle === undefined ? undefined : await strippedHead(source)
  const own = head === undefined ? hashes : await hashLayer(image.id, path, { geometry, signal, head })
  checkUnchanged(image, await deps.source.show(image.id, { signal }))
  const parent = middle?.base.manifest.digest
  const createdAt = deps.clock.now()
  return { layer: buildLayer(own, { ...options, geometry, format, virtualSizeBytes, parent, createdAt }), head }
}

/** Throws unless the image is still active and still the same. */
export function checkUnchanged(before: GlanceImage, now: GlanceImage | undefined): void {
  checkActive(before.id, now)
  const field = now === undefined ? undefined : changedField(before, now)
  if (field !== undefined) throw seedError('SHOAL_IMAGE_CHANGED', { image: before.id, field })
}

/** Throws unless the image may be imported, by its status in the library. */
export function checkActive(id: string, image: GlanceImage | undefined): void {
  const gone = image === undefined || ['deleted', 'pending_delete', 'killed'].includes(image.status)
  if (gone) throw seedError('SHOAL_IMAGE_DELETED', { image: id })
  if (image.status === 'deactivated') throw seedError('SHOAL_IMAGE_DEACTIVATED', { image: id })
  if (image.status !== 'active') throw seedError('SHOAL_IMAGE_NOT_ACTIVE', { image: id, status: image.status })
}
