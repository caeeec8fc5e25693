import type { Layer } from '@shoal/api'
import { isDigest } from '@shoal/core'
import { middleProperties, type NewImage } from '@shoal/openstack'

/** The largest that Glance's database holds, so that Nova and Cinder find every flavor and volume too small for a middle alone. */
const FITS_NOTHING = 2 ** 31 - 1

/** A middle's record in Glance (docs/formats/middle-in-glance.md). */
export function middleImage(
  middle: { readonly parent: Layer; readonly parentImage: string | undefined; readonly guestDigest: string },
  { name, visibility }: Pick<NewImage, 'name' | 'visibility'>,
): NewImage {
  const { parent, parentImage, guestDigest } = middle
  const { digest } = parent
  if (!isDigest(digest)) throw new TypeError(`layer ${digest}`)
  return {
    ...{ name, visibility, diskFormat: 'qcow2', isHidden: true, minDiskGb: FITS_NOTHING, minRamMb: FITS_NOTHING },
    properties: middleProperties({ parent: digest, parentImage, guestDigest }),
  }
}
