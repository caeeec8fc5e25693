import { setImmediate } from 'node:timers/promises'
import { type BootRecording, MAX_BOOT_PROFILE_CHARS } from '@shoal/api'
import { BOOT_PROFILE_LIMITS, readBootProfile } from '@shoal/qcow2'
import { seedError } from '../errors.ts'
import type { Catalogue } from '../images/catalogue.ts'
import { chainOf } from '../images/image-record.ts'
import { checkActive } from '../imports/import-image.ts'
import { firstTouches, type Touches } from './first-touches.ts'

const SECTOR_BYTES = 512

/**
 * What a recording says that an image reads. Throws `SHOAL_BOOT_PROFILE_*`, and `SHOAL_IMAGE_*` unless the image is
 * active.
 */
export async function acceptRecording(
  { image, profile }: BootRecording,
  catalogue: Pick<Catalogue, 'image' | 'layer'>,
): Promise<Touches> {
  const record = catalogue.image(image)
  if (record === undefined) throw seedError('SHOAL_IMAGE_UNKNOWN', { image })
  checkActive(image, record.image)
  const chain = chainOf(record)
  const top = catalogue.layer(chain.at(-1) ?? '')
  if (top === undefined) throw seedError('SHOAL_BOOT_PROFILE_NO_LAYERS', { image })
  const recorded = await readBootProfile(profile, { ...BOOT_PROFILE_LIMITS, maxBytes: MAX_BOOT_PROFILE_CHARS })
  const { recordedOn, virtualSizeBytes } = recorded
  const isOfImage = recordedOn === image || chain.some((digest) => digest === recordedOn)
  if (!isOfImage) throw otherDisk(image, `it was recorded on ${recordedOn}`)
  // A disk is shown in whole sectors.
  if (sectors(virtualSizeBytes) !== sectors(top.virtualSizeBytes)) {
    throw otherDisk(image, `its disk has ${virtualSizeBytes} bytes, that of the image ${top.virtualSizeBytes}`)
  }
  // Each takes its time for what may be the largest recording.
  await setImmediate()
  return firstTouches(recorded)
}

function otherDisk(image: string, reason: string): Error {
  return seedError('SHOAL_BOOT_PROFILE_OTHER_DISK', { image, reason })
}

function sectors(sizeBytes: number): number {
  return Math.ceil(sizeBytes / SECTOR_BYTES)
}
