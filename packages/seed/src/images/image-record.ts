import type { ErrorBody, Image, ImageImport, ImageSignature, ImportState, Inspection, Layering } from '@shoal/api'
import { type Digest, type ErrorDetails, errorMessage, ShoalError } from '@shoal/core'
import { type GlanceImage, MAX_SIGNATURE_CHARS, readSignatureClaim, signatureFingerprint } from '@shoal/openstack'
import type { Verdict } from '@shoal/qcow2/inspect'
import { seedError } from '../errors.ts'
import type { LayeringRecord } from '../layers/layering-job.ts'

/** What became of the last import of an image; durable. */
export interface ImportRecord {
  readonly state: ImportState
  readonly bytesRead: number
  readonly bytesTotal: number
  readonly libraryRequests: number
  readonly startedAt: string | null
  readonly finishedAt: string | null
  readonly error: ErrorBody | null
}

/** What was found of the signature that an image claims; durable. It counts as long as the image claims the same. */
export interface SignatureVerdict {
  readonly state: 'verified' | 'refused'
  /** Fingerprint of the claim; empty: that of an image which has none and was refused for it. */
  readonly claim: string
  /** Whose certificate it is; `null` unless it was verified. */
  readonly subject: string | null
  /** ISO 8601. */
  readonly checkedAt: string
  /** Why it was refused. */
  readonly error: ErrorBody | null
}

/** An image as the seed knows it: the library's record and what Shoal made of it. */
export interface ImageRecord {
  readonly image: GlanceImage
  readonly layer: Digest | null
  readonly import: ImportRecord | null
  /** What inspection of its bytes found, at the last import that read them. */
  readonly inspection: Verdict | null
  /** The layers that a node needs when that is not the image's own: a base, or base and middle. */
  readonly chain: readonly [Digest] | readonly [Digest, Digest] | null
  readonly layering: LayeringRecord | null
  readonly signature: SignatureVerdict | null
  /** When the seed found it gone from the library. ISO 8601. */
  readonly deletedAt: string | null
}

/** More than the library's own limits; a library that gives more is cut. */
const MAX_TAGS = 1000
const MAX_PROPERTIES = 500
const MAX_TEXT = 1000

const NO_SIGNATURE = {
  ...{ certificate: null, hashMethod: null, keyType: null },
  ...{ subject: null, checkedAt: null, error: null },
} as const

/** The library's record cut to what the seed is willing to keep. */
export function boundedImage(image: GlanceImage): GlanceImage {
  const properties = Object.entries(image.properties)
    .slice(0, MAX_PROPERTIES)
    .map(([key, value]) => [
      key.slice(0, 255),
      value.slice(0, key === 'img_signature' ? MAX_SIGNATURE_CHARS + 1 : MAX_TEXT),
    ])
  return {
    ...image,
    name: image.name?.slice(0, MAX_TEXT) ?? null,
    tags: image.tags.slice(0, MAX_TAGS).map((tag) => tag.slice(0, 255)),
    properties: Object.fromEntries(properties),
  }
}

/** Whether the library's data is still the same: bytes under an id never change, so only damage changes these. */
export function changedField(before: GlanceImage, now: GlanceImage): string | undefined {
  const fields = ['sizeBytes', 'osHashAlgo', 'osHashValue', 'checksum', 'diskFormat', 'containerFormat'] as const
  return fields.find((field) => before[field] !== now[field])
}

/** What a node needs to boot the image, base first; empty until it is published. */
export function chainOf({ chain, layer }: ImageRecord): readonly Digest[] {
  return chain ?? (layer === null ? [] : [layer])
}

/** Every layer that the image keeps alive, a base before the middle on it. */
export function layersOf({ chain, layer }: ImageRecord): readonly Digest[] {
  return [...(layer === null || chain?.includes(layer) ? [] : [layer]), ...(chain ?? [])]
}

/** The layers that have what is the image's own: a base below them may be that of many. */
export function ownLayers({ chain, layer }: ImageRecord): readonly Digest[] {
  const top = chain?.at(-1)
  return [...new Set([...(layer === null ? [] : [layer]), ...(top === undefined ? [] : [top])])]
}

/** The image as the API shows it, with the import and the layering that run now. */
export function toApiImage(
  record: ImageRecord,
  live: { import?: ImageImport | undefined; layering?: Layering | undefined },
): Image {
  const { image, layer, import: past } = record
  const { id, name, status, visibility, diskFormat, sizeBytes, virtualSizeBytes, osHashAlgo, osHashValue } = image
  return {
    id,
    name,
    status,
    visibility,
    diskFormat,
    sizeBytes,
    virtualSizeBytes,
    osHashAlgo,
    osHashValue,
    updatedAt: image.updatedAt,
    tags: [...image.tags],
    import: live.import ?? (past === null ? null : { ...past, rateBytesPerSecond: 0 }),
    layer,
    chain: [...chainOf(record)],
    layering: live.layering ?? pastLayering(record),
    signature: toApiSignature(record),
  }
}

/** The signature that the image claims now, and what was found of that; what was found of another claim is past. */
function toApiSignature({ image, signature: verdict }: ImageRecord): ImageSignature {
  const claim = readSignatureClaim(image)
  if (claim.kind === 'unsigned') return { state: 'unsigned', ...NO_SIGNATURE }
  const { certificate, hashMethod, keyType } = claim.kind === 'signed' ? claim.properties : NO_SIGNATURE
  const claimed = { certificate, hashMethod, keyType }
  if (verdict?.claim !== signatureFingerprint(image)) return { ...NO_SIGNATURE, ...claimed, state: 'unverified' }
  const { state, subject, checkedAt, error } = verdict
  return { ...claimed, state, subject, checkedAt, error }
}

function pastLayering({ layering }: ImageRecord): Layering | null {
  if (layering === null) return null
  const { request: _, ...shown } = layering
  return shown
}

/** What inspection found as the API shows it. */
export function toApiInspection({ format, virtualSizeBytes, isAccepted, checks }: Verdict): Inspection {
  const shown = checks.map(({ details, ...check }) => ({ ...check, details: toApiDetails(details) }))
  return { format, virtualSizeBytes, isAccepted, checks: shown }
}

/** Any thrown value as the API shows errors. */
export function toErrorBody(error: unknown): ErrorBody {
  if (!(error instanceof ShoalError)) {
    return toErrorBody(seedError('SHOAL_SEED_INTERNAL', { reason: errorMessage(error).slice(0, 1000) }, error))
  }
  return { code: error.code, message: error.message, hint: error.hint, details: toApiDetails(error.details) }
}

function toApiDetails(details: ErrorDetails): ErrorBody['details'] {
  return Object.fromEntries(Object.entries(details).map(([key, value]) => [key, value ?? null]))
}
