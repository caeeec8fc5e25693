import type { CacheLayer, CachePin } from '@shoal/api'
import { formatDuration } from '../format/duration.ts'
import { shortDigest } from '../resolve/layer.ts'

const NAMED_AT_MOST = 3
const OWNER_CHARS = 32

/**
 * Who keeps a layer, for people: `operator, vm1.qcow2 (disk), its assignment (plan, 2 h 0 min left)`. `order`: those that may go;
 * what is not among them and has no pin carries a layer that has.
 */
export function describeHolders(
  layer: CacheLayer,
  layers: readonly CacheLayer[],
  { order, now }: { order: ReadonlyMap<string, number>; now: number },
): string {
  const { pins, isBusy } = layer
  const holders = pins.map((pin) => describePin(pin, now))
  if (isBusy) holders.push('its fetch')
  if (holders.length === 0 && !order.has(layer.layer)) {
    const above = layers.filter(({ layer: digest, parent }) => parent === layer.layer && !order.has(digest))
    holders.push(...above.map(({ layer: digest }) => shortDigest(digest)))
  }
  const more = holders.length - NAMED_AT_MOST
  return `${holders.slice(0, NAMED_AT_MOST).join(', ')}${more > 0 ? ` and ${more} more` : ''}`
}

function describePin({ kind, owner, expiresAt }: CachePin, now: number): string {
  const facts: string[] = kind === owner ? [] : [kind]
  if (expiresAt !== null) facts.push(`${formatDuration(Math.max(0, Date.parse(expiresAt) - now))} left`)
  return `${shorten(owner)}${facts.length === 0 ? '' : ` (${facts.join(', ')})`}`
}

function shorten(text: string): string {
  const characters = [...text]
  return characters.length <= OWNER_CHARS ? text : `${characters.slice(0, OWNER_CHARS - 1).join('')}…`
}
