import { isDigest } from '@shoal/core'
import type { GlanceImage } from './glance-image.ts'

/** What an image that is a middle says of itself (docs/formats/middle-in-glance.md): claims, to be proven by who reads them. */
export interface MiddleProperties {
  /** Digest of the base layer. */
  readonly parent: `sha256:${string}`
  /** Id of an image of that layer, for people. */
  readonly parentImage: string | undefined
  /** Guest digest of base <- middle. */
  readonly guestDigest: string
}

/** What an image is, by its properties. */
export type MiddleClaim =
  | { readonly kind: 'flat' }
  | { readonly kind: 'middle'; readonly properties: MiddleProperties }
  | { readonly kind: 'malformed'; readonly property: string; readonly reason: string }

const KIND = 'shoal_kind'
const PARENT = 'shoal_parent'
const PARENT_IMAGE = 'shoal_parent_image'
const GUEST_DIGEST = 'shoal_guest_digest'
const HEX_SHA256 = /^[0-9a-f]{64}$/

/** The properties of an image in Glance. */
export function middleProperties({ parent, parentImage, guestDigest }: MiddleProperties): Record<string, string> {
  return {
    [KIND]: 'middle',
    [PARENT]: parent,
    ...(parentImage === undefined ? {} : { [PARENT_IMAGE]: parentImage }),
    [GUEST_DIGEST]: guestDigest,
  }
}

/** Reads what {@link middleProperties} wrote, or somebody else. An image without any of it is flat. */
export function readMiddleClaim({
  properties,
  diskFormat,
}: Pick<GlanceImage, 'properties' | 'diskFormat'>): MiddleClaim {
  const property = (name: string) => (Object.hasOwn(properties, name) ? properties[name] : undefined)
  const malformed = (name: string, reason: string) => ({ kind: 'malformed', property: name, reason }) as const
  const kind = property(KIND)
  if (kind === undefined) {
    const stray = [PARENT, GUEST_DIGEST].find((name) => property(name) !== undefined)
    return stray === undefined ? { kind: 'flat' } : malformed(KIND, `it is missing beside ${stray}`)
  }
  if (kind !== 'middle') return malformed(KIND, 'the only kind that an image may have is middle')
  const parent = property(PARENT)
  if (!isDigest(parent)) return malformed(PARENT, parent === undefined ? 'it is missing' : 'it is no layer digest')
  const guestDigest = property(GUEST_DIGEST)
  if (guestDigest === undefined) return malformed(GUEST_DIGEST, 'it is missing')
  if (!HEX_SHA256.test(guestDigest)) return malformed(GUEST_DIGEST, 'it is not 64 lower-case hexadecimal digits')
  if (diskFormat !== 'qcow2') return malformed('disk_format', 'a middle is a qcow2 image')
  return { kind: 'middle', properties: { parent, parentImage: property(PARENT_IMAGE), guestDigest } }
}
