import type { ErrorBody, Image, ImageImport, ImportState } from '@shoal/api'
import { type Digest, errorMessage, ShoalError } from '@shoal/core'
import type { GlanceImage } from '@shoal/openstack'
import { seedError } from '../errors.ts'

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

/** An image as the seed knows it: the library's record and what Shoal made of it. */
export interface ImageRecord {
  readonly image: GlanceImage
  readonly layer: Digest | null
  readonly import: ImportRecord | null
  /** When the seed found it gone from the library. ISO 8601. */
  readonly deletedAt: string | null
}

/** More than the library's own limits; a library that gives more is cut. */
const MAX_TAGS = 1000
const MAX_PROPERTIES = 500
const MAX_TEXT = 1000

/** The library's record cut to what the seed is willing to keep. */
export function boundedImage(image: GlanceImage): GlanceImage {
  const properties = Object.entries(image.properties)
    .slice(0, MAX_PROPERTIES)
    .map(([key, value]) => [key.slice(0, 255), value.slice(0, MAX_TEXT)])
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

/** The image as the API shows it; `live` is the import that runs now. */
export function toApiImage({ image, layer, import: past }: ImageRecord, live: ImageImport | undefined): Image {
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
    import: live ?? (past === null ? null : { ...past, rateBytesPerSecond: 0 }),
    layer,
  }
}

/** Any thrown value as the API shows errors. */
export function toErrorBody(error: unknown): ErrorBody {
  if (!(error instanceof ShoalError)) {
    return toErrorBody(seedError('SHOAL_SEED_INTERNAL', { reason: errorMessage(error).slice(0, 1000) }, error))
  }
  const details = Object.entries(error.details).map(([key, value]) => [key, value ?? null])
  return { code: error.code, message: error.message, hint: error.hint, details: Object.fromEntries(details) }
}
