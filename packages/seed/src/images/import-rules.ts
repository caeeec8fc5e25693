import type { GlanceImage } from '@shoal/openstack'

/** Which images are imported without being asked for: all that is given must hold. */
export interface ImportRule {
  readonly visibility?: string
  readonly tag?: string
  /** `name` (set to anything) or `name=value`. */
  readonly property?: string
}

/** Whether one of the rules holds for the image. A rule that says nothing holds for every image. */
export function matchesRule(image: GlanceImage, rules: readonly ImportRule[]): boolean {
  return rules.some(({ visibility, tag, property }) => {
    if (visibility !== undefined && image.visibility !== visibility) return false
    if (tag !== undefined && !image.tags.includes(tag)) return false
    return property === undefined || hasProperty(image, property)
  })
}

function hasProperty({ properties }: GlanceImage, property: string): boolean {
  const equals = property.indexOf('=')
  if (equals < 0) return Object.hasOwn(properties, property)
  const name = property.slice(0, equals)
  return Object.hasOwn(properties, name) && properties[name] === property.slice(equals + 1)
}
