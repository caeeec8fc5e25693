import { join } from 'node:path'
import type { ComposeRequest } from '@shoal/api'
import { parseDigest } from '@shoal/core'
import type { StoredLayer } from '@shoal/layer-store'
import type { CompositionRecord, CompositionWish } from './composition-records.ts'
import { composeError } from './errors.ts'

/** As the API checks it; a path is made of it here. */
const NAME = /^[A-Za-z0-9_-][A-Za-z0-9._-]{0,199}$/

/** What a request asks for. Throws `SHOAL_COMPOSE_OPTION` for an option that its format does not have. */
export function wishOf({ layer, format, compression = 'none', overlay }: ComposeRequest): CompositionWish {
  if (compression !== 'none' && format !== 'qcow2') {
    throw composeError('SHOAL_COMPOSE_OPTION', { format, option: 'compression' })
  }
  if (overlay !== undefined && format !== 'chain') {
    throw composeError('SHOAL_COMPOSE_OPTION', { format, option: 'overlay' })
  }
  return { layer: parseDigest(layer), format, compression, givenOverlay: overlay ?? null }
}

export function isSameWish(one: CompositionWish, other: CompositionWish): boolean {
  const isSameDisk = one.layer === other.layer && one.format === other.format
  return isSameDisk && one.compression === other.compression && one.givenOverlay === other.givenOverlay
}

/** Where a composition puts what it makes. A name that leads elsewhere is a TypeError. */
export function pathsOf(
  name: string,
  { format, givenOverlay }: CompositionWish,
  directory: string,
): Pick<CompositionRecord, 'path' | 'overlay'> {
  if (!NAME.test(name)) throw new TypeError(`${JSON.stringify(name)} as the name of a composition`)
  if (format !== 'chain') return { path: join(directory, name), overlay: null }
  return { path: join(directory, `${name}.json`), overlay: givenOverlay ?? join(directory, `${name}.qcow2`) }
}

/** The record of a composition that was just asked for. */
export function newRecord(
  name: string,
  wish: CompositionWish,
  about: { readonly directory: string; readonly chain: readonly [StoredLayer, ...StoredLayer[]]; readonly at: string },
): CompositionRecord {
  const { directory, chain, at } = about
  return {
    name,
    ...wish,
    ...pathsOf(name, wish, directory),
    state: 'queued',
    totalBytes: chain[0].manifest.virtualSizeBytes,
    writtenBytes: 0,
    layers: chain.map(({ manifest }) => manifest.digest),
    files: [],
    requestedAt: at,
    startedAt: null,
    finishedAt: null,
    error: null,
  }
}
