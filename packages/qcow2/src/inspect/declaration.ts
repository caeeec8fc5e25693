import { imageError } from './image-errors.ts'

/** What the library says of an image, as far as inspection needs it. */
export interface ImageDeclaration {
  readonly id: string
  readonly diskFormat: string | null
  readonly containerFormat: string | null
  readonly sizeBytes: number | null
}

export interface ImageLimits {
  /** Largest image file. Bytes. */
  readonly maxImageBytes: number
  /** Largest disk a VM may see. Bytes. */
  readonly maxVirtualBytes: number
}

/** A declaration that may be true, to be compared with the bytes. */
export interface Declared {
  readonly format: 'raw' | 'qcow2'
  readonly sizeBytes: number
  /** The operator's own overlay: its backing file's name is left unread and never followed. Refused when absent. */
  readonly allowsBackingFile?: boolean
}

/** Checks what the library declares, before a byte is read. Throws `SHOAL_IMAGE_*`. */
export function checkDeclaration(image: ImageDeclaration, limits: ImageLimits): Declared {
  const { id, diskFormat, containerFormat, sizeBytes } = image
  if (diskFormat !== 'raw' && diskFormat !== 'qcow2') {
    throw imageError('SHOAL_IMAGE_FORMAT_UNSUPPORTED', { image: id, diskFormat })
  }
  if (containerFormat !== 'bare') {
    throw imageError('SHOAL_IMAGE_CONTAINER_UNSUPPORTED', { image: id, containerFormat })
  }
  if (sizeBytes === null || !Number.isSafeInteger(sizeBytes)) {
    throw imageError('SHOAL_IMAGE_SIZE_UNKNOWN', { image: id })
  }
  if (sizeBytes <= 0) throw imageError('SHOAL_IMAGE_EMPTY', { image: id })
  const limitBytes = limits.maxImageBytes
  if (sizeBytes > limitBytes) throw imageError('SHOAL_IMAGE_TOO_LARGE', { image: id, sizeBytes, limitBytes })
  return { format: diskFormat, sizeBytes }
}
