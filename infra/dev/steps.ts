import { setTimeout as sleep } from 'node:timers/promises'
import type { ErrorBody, Image, Layer, Node } from '@shoal/api'
import type { ShoalError } from '@shoal/core'
import { devError } from './errors.ts'
import type { Fleet } from './fleet.ts'

const POLL_MS = 100
/** Far more than the example images need, for machines that are busy with something else. */
const STEP_TIMEOUT_MS = 300_000
const LIST_LIMIT = 500
/** Of the making of layers. */
const UNFINISHED: ReadonlySet<string> = new Set(['queued', 'comparing', 'writing', 'verifying'])

export interface ImportResult {
  readonly image: Image
  readonly layer: Layer
  /** Published before this start. */
  readonly wasThere: boolean
  readonly seconds: number
}

export interface LayersResult {
  /** The base first. */
  readonly layers: readonly Layer[]
  /** What the image is as one layer. */
  readonly flatBytes: number
}

export interface DistributionResult {
  readonly layer: Layer
  readonly nodes: number
  readonly wasThere: boolean
  readonly seconds: number
}

export interface VerificationResult {
  readonly checkedBytes: number
  readonly copies: number
  readonly seconds: number
}

interface StepOptions {
  signal: AbortSignal
}

/** Waits until the seed has found every image of the directory and every peer is registered and reachable. */
export async function awaitFleet(fleet: Fleet, options: StepOptions & { images: readonly string[] }): Promise<Image[]> {
  const { signal } = options
  const what = 'The discovery of all images and peers'
  return until(fleet, { what, signal }, async () => {
    const { nodes } = await fleet.seed.client.listNodes({ query: { limit: LIST_LIMIT }, signal })
    const ready = new Set(nodes.filter(({ state }) => state === 'ready').map(({ id }) => id))
    if (!fleet.peers.every(({ name }) => ready.has(name))) return undefined
    const { images } = await fleet.seed.client.listImages({ query: { limit: LIST_LIMIT, status: 'active' }, signal })
    const found = options.images.map((name) => images.find((image) => image.name === name))
    return found.every((image) => image !== undefined) ? found : undefined
  })
}

/** Imports one image. Throws `SHOAL_DEV_IMPORT` with what the seed says. */
export async function importImage(fleet: Fleet, image: Image, { signal }: StepOptions): Promise<ImportResult> {
  const { client } = fleet.seed
  const wasThere = image.layer !== null
  const begin = Date.now()
  if (!wasThere) await client.importImage({ params: { image: image.id }, signal })
  const what = `The import of ${image.name}`
  const published = await until(fleet, { what, signal }, async () => {
    const now = await client.showImage({ params: { image: image.id }, signal })
    if (now.import?.state === 'failed' || now.import?.state === 'cancelled')
      throw failed('SHOAL_DEV_IMPORT', now, now.import.error)
    return now.layer === null ? undefined : { image: now, layer: now.layer }
  })
  const layer = await client.showLayer({ params: { layer: published.layer }, signal })
  return { image: published.image, layer, wasThere, seconds: secondsSince(begin) }
}

/**
 * Has the seed look for a base of an imported image, and waits for what comes of it: base and middle, or the image as it is. Throws
 * `SHOAL_DEV_LAYERS` with what the seed says.
 */
export async function makeLayers(fleet: Fleet, image: Image, { signal }: StepOptions): Promise<LayersResult> {
  const { client } = fleet.seed
  const params = { image: image.id }
  if (image.layering === null) await client.publishLayers({ params, body: {}, signal })
  const what = `The making of layers of ${image.name}`
  const layered = await until(fleet, { what, signal }, async () => {
    const now = await client.showImage({ params, signal })
    if (now.layering?.state === 'failed') throw failed('SHOAL_DEV_LAYERS', now, now.layering.error)
    return now.layering === null || UNFINISHED.has(now.layering.state) ? undefined : now
  })
  const layers = await Promise.all(layered.chain.map((layer) => client.showLayer({ params: { layer }, signal })))
  return { layers, flatBytes: layered.layering?.flatBytes ?? 0 }
}

/** Assigns layers to every peer and gives each one's result when the last peer has it. */
export async function* distribute(
  fleet: Fleet,
  layers: readonly Layer[],
  { signal }: StepOptions,
): AsyncGenerator<DistributionResult, void> {
  const { client } = fleet.seed
  const nodes = fleet.peers.map(({ name }) => name)
  const begin = Date.now()
  for (const { digest } of layers) await client.assign({ body: { layer: digest, nodes }, signal })
  const waiting = new Map(layers.map((layer) => [layer.digest, layer]))
  while (waiting.size > 0) {
    const what = 'The distribution to every peer'
    const done = await until(fleet, { what, signal }, async () => {
      const now = await readNodes(fleet, signal)
      return [...waiting.keys()].find((digest) => isEverywhere(now, digest, fleet.logDirectory))
    })
    const seconds = secondsSince(begin)
    waiting.delete(done)
    const layer = await client.showLayer({ params: { layer: done }, signal })
    yield { layer, nodes: nodes.length, wasThere: isUntouched(await readNodes(fleet, signal), done), seconds }
  }
}

/** Has every peer, and the seed, read every layer back from disk. Throws `SHOAL_DEV_VERIFICATION`. */
export async function verifyEverywhere(
  fleet: Fleet,
  layers: readonly Layer[],
  { signal }: StepOptions,
): Promise<VerificationResult> {
  const begin = Date.now()
  let checkedBytes = 0
  let copies = 0
  for (const member of [fleet.seed, ...fleet.peers]) {
    for (const { digest, sizeBytes } of layers) {
      const params = { layer: digest }
      const result = await member.client.verifyLayer({ params, signal, timeoutMs: STEP_TIMEOUT_MS })
      if (result.badBlocks.length > 0 || result.digestMatches !== true) {
        const reason = `${result.badBlocks.length} bad blocks, digest matches: ${result.digestMatches}`
        const details = { layer: digest, node: member.name, reason, logs: fleet.logDirectory }
        throw devError('SHOAL_DEV_VERIFICATION', details)
      }
      checkedBytes += sizeBytes
      copies += 1
    }
  }
  return { checkedBytes, copies, seconds: secondsSince(begin) }
}

async function readNodes(fleet: Fleet, signal: AbortSignal): Promise<Node[]> {
  const { nodes } = await fleet.seed.client.listNodes({ query: { limit: LIST_LIMIT }, signal })
  return nodes.filter(({ id }) => fleet.peers.some(({ name }) => name === id))
}

/** Whether each node has all of a layer. A node that gave it up throws `SHOAL_DEV_DISTRIBUTION` when logs are given. */
function isEverywhere(nodes: readonly Node[], digest: string, logs?: string): boolean {
  return nodes.every((node) => {
    const held = node.inventory?.layers.find((layer) => layer.digest === digest)
    if (held?.state === 'failed' && logs !== undefined) {
      const reason = `${node.id} gave up: ${held.error?.message ?? 'no reason'}`
      throw devError('SHOAL_DEV_DISTRIBUTION', { layer: digest, reason, logs })
    }
    return held?.state === 'complete'
  })
}

/** Whether no node fetched any of a layer since it started. */
function isUntouched(nodes: readonly Node[], digest: string): boolean {
  const held = nodes.flatMap(({ inventory }) => inventory?.layers.filter((layer) => layer.digest === digest) ?? [])
  return held.every(({ fromOriginBytes, fromPeersBytes }) => fromOriginBytes + fromPeersBytes === 0)
}

function failed(code: 'SHOAL_DEV_IMPORT' | 'SHOAL_DEV_LAYERS', image: Image, error: ErrorBody | null): ShoalError {
  const reason = error?.message ?? 'it was cancelled'
  return devError(code, { image: image.name ?? image.id, reason, hint: error?.hint ?? 'Start again.' })
}

async function until<T>(
  fleet: Fleet,
  options: { what: string; signal: AbortSignal },
  look: () => Promise<T | undefined>,
): Promise<T> {
  const deadline = Date.now() + STEP_TIMEOUT_MS
  for (;;) {
    const found = await look()
    if (found !== undefined) return found
    if (Date.now() > deadline) {
      const seconds = STEP_TIMEOUT_MS / 1000
      throw devError('SHOAL_DEV_TIMEOUT', { what: options.what, seconds, logs: fleet.logDirectory })
    }
    await sleep(POLL_MS, undefined, { signal: options.signal })
  }
}

function secondsSince(begin: number): number {
  return (Date.now() - begin) / 1000
}
