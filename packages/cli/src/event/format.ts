import type { Event } from '@shoal/api'
import { plainText } from '../format/plain-text.ts'
import { shortDigest } from '../resolve/layer.ts'

/** The longest event type has 19 characters. */
const TYPE_WIDTH = 20

/** An event on one line, with what it is about: not every message names it. */
export function formatEvent(event: Event): string {
  const { node, layer, image, actor } = event
  const about = [
    ...(node === undefined ? [] : [`node=${node}`]),
    ...(layer === undefined ? [] : [`layer=${shortDigest(layer)}`]),
    ...(image === undefined ? [] : [`image=${image}`]),
    // Of most events the seed tells, or the node that they are about.
    ...(actor === 'seed' || actor === `node:${node}` ? [] : [`by=${actor}`]),
  ]
  return plainText([event.at, event.type.padEnd(TYPE_WIDTH), event.message, about.join(' ')].join('  ')).trimEnd()
}
