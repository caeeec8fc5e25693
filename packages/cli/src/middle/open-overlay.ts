import { Qcow2Image } from '@shoal/qcow2'
import { assertAccepted, checkDeclaration, inspectImage } from '@shoal/qcow2/inspect'
import type { DiskFile } from './disk-file.ts'

/** How large an image may be is for the seed to say. */
const NO_LIMITS = { maxImageBytes: Number.MAX_SAFE_INTEGER, maxVirtualBytes: Number.MAX_SAFE_INTEGER }

/**
 * The image in an operator's own overlay, after the checks that the seed makes as well: better told before an upload than after. Only the
 * name of a backing file is no fault here. Throws `SHOAL_IMAGE_*`.
 */
export async function openOverlay(file: DiskFile, options: { signal: AbortSignal }): Promise<Qcow2Image> {
  const { path: id, sizeBytes } = file
  const declared = checkDeclaration({ id, diskFormat: 'qcow2', containerFormat: 'bare', sizeBytes }, NO_LIMITS)
  assertAccepted(await inspectImage(file, { ...declared, allowsBackingFile: true }, NO_LIMITS, options))
  return Qcow2Image.open(file, options)
}
