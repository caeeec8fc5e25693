import type { LayerFormat } from '@shoal/core'
import { seedError } from '../errors.ts'
import { findForeignHead, findForeignTail, TAIL_BYTES } from './foreign-format.ts'
import { readQcow2Header } from './qcow2-header.ts'
import { checkQcow2Tables } from './qcow2-tables.ts'
import type { ReadAt } from './read-at.ts'

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
  readonly format: LayerFormat
  readonly sizeBytes: number
}

export interface Inspection {
  readonly format: LayerFormat
  readonly virtualSizeBytes: number
}

/** The first bytes that {@link inspectHead} wants; a shorter image gives all it has. */
export const HEAD_BYTES = 64 * 1024

/** Checks what the library declares, before a byte is read. Throws `SHOAL_IMAGE_*`. */
export function checkDeclaration(image: ImageDeclaration, limits: ImageLimits): Declared {
  const { id, diskFormat, containerFormat, sizeBytes } = image
  if (diskFormat !== 'raw' && diskFormat !== 'qcow2') {
    throw seedError('SHOAL_IMAGE_FORMAT_UNSUPPORTED', { image: id, diskFormat })
  }
  if (containerFormat !== 'bare') {
    throw seedError('SHOAL_IMAGE_CONTAINER_UNSUPPORTED', { image: id, containerFormat })
  }
  if (sizeBytes === null || !Number.isSafeInteger(sizeBytes)) throw seedError('SHOAL_IMAGE_SIZE_UNKNOWN', { image: id })
  if (sizeBytes <= 0) throw seedError('SHOAL_IMAGE_EMPTY', { image: id })
  const limitBytes = limits.maxImageBytes
  if (sizeBytes > limitBytes) throw seedError('SHOAL_IMAGE_TOO_LARGE', { image: id, sizeBytes, limitBytes })
  return { format: diskFormat, sizeBytes }
}

/**
 * Checks the first {@link HEAD_BYTES} of an image as hostile input, so that a bad one is refused before the rest is
 * read. Throws `SHOAL_IMAGE_*`.
 */
export function inspectHead(head: Uint8Array, declared: Declared, limits: ImageLimits): Inspection {
  const { format, sizeBytes } = declared
  const found = findForeignHead(head)
  if (format === 'qcow2') {
    if (found !== 'qcow2') throw seedError('SHOAL_IMAGE_FORMAT_MISMATCH', { declared: format, found: found ?? 'raw' })
    const { virtualSizeBytes } = readQcow2Header(head, { sizeBytes, maxVirtualBytes: limits.maxVirtualBytes })
    return { format, virtualSizeBytes }
  }
  if (found !== undefined) throw seedError('SHOAL_IMAGE_FORMAT_MISMATCH', { declared: format, found })
  if (sizeBytes % 512 !== 0) throw seedError('SHOAL_IMAGE_SIZE_UNALIGNED', { sizeBytes })
  if (sizeBytes > limits.maxVirtualBytes) {
    throw seedError('SHOAL_IMAGE_VIRTUAL_SIZE_TOO_LARGE', {
      virtualSizeBytes: sizeBytes,
      limitBytes: limits.maxVirtualBytes,
    })
  }
  return { format, virtualSizeBytes: sizeBytes }
}

/** Checks the whole file once it is on disk: its head again, its tail, and where a qcow2's tables point. */
export async function inspectFile(readAt: ReadAt, declared: Declared, limits: ImageLimits): Promise<Inspection> {
  const { format, sizeBytes } = declared
  const head = await readAt(0, Math.min(HEAD_BYTES, sizeBytes))
  const inspection = inspectHead(head, declared, limits)
  if (format === 'raw') {
    const found = findForeignTail(await readAt(Math.max(0, sizeBytes - TAIL_BYTES), TAIL_BYTES))
    if (found !== undefined) throw seedError('SHOAL_IMAGE_FORMAT_MISMATCH', { declared: format, found })
  } else {
    const header = readQcow2Header(head, { sizeBytes, maxVirtualBytes: limits.maxVirtualBytes })
    await checkQcow2Tables(readAt, header, sizeBytes)
  }
  return inspection
}
