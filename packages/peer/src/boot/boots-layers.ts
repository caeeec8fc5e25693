import type { BootChain } from '@shoal/api'
import { type Clock, type Digest, errorCode, parseDigest, ShoalError } from '@shoal/core'
import type { LayerStore, StoredLayer } from '@shoal/layer-store'
import { backOffMs } from '../back-off.ts'
import { isNoAnswer } from '../seed-link.ts'
import type { BootRecord } from './boot-record.ts'
import type { Notice } from './boots-notice.ts'
import type { BootWants } from './boots-wants.ts'
import { bootError } from './errors.ts'

/**
 * Time between two questions whether an image is imported, which may take minutes and be waited for by a whole fleet.
 */
const IMPORT_POLL = { firstMs: 500, lastMs: 5000 }
const RETRY = { firstMs: 500, lastMs: 10_000 }
/** So long the seed is waited for when its answer can be done without. */
const ANSWER_MS = 2000
/** Time between two looks at the store when nothing rings. */
const LOOK_MS = 1000

export interface BootLayersDeps {
  readonly store: Pick<LayerStore, 'get'>
  readonly wants: Pick<BootWants, 'ask' | 'known'>
  readonly isWithdrawn: (digest: Digest) => boolean
  /** Why a layer is not there yet. */
  readonly failureOf: (digest: Digest) => ShoalError | undefined
  /** The seed does not know this node. */
  readonly onUnknown: () => void
  readonly notice: Notice
  readonly clock: Clock
  readonly random: () => number
}

export interface BootLayersOptions {
  readonly signal: AbortSignal
  /** Hears what is waited for; `undefined`: for nothing that is wrong. */
  readonly onProblem: (problem: ShoalError | undefined) => void
  /** Whether the boot is recorded if the seed asks for it. */
  readonly records?: boolean | undefined
  /** Of the tenant for whom it is, now. */
  readonly tenantToken?: () => string | undefined
}

/** What a disk is made of. */
export interface BootParts {
  /** The base first. */
  readonly layers: readonly Digest[]
  readonly wantsRecordings: boolean
}

/**
 * What a boot is made of, by the seed's word; while the seed is away, by its last one, when the layers are here. Waits
 * for the seed and for imports. Throws what the seed refuses it with.
 */
export async function findParts(
  { image, layer }: Pick<BootRecord, 'image' | 'layer'>,
  deps: BootLayersDeps,
  { signal, onProblem, records, tenantToken }: BootLayersOptions,
): Promise<BootParts> {
  if (image === null) return { layers: layer === null ? [] : [layer], wantsRecordings: false }
  const { wants, notice, random } = deps
  for (let [failures, polls] = [0, 0]; ; ) {
    const local = localParts(wants.known(image), deps)
    try {
      const timeoutMs = local === undefined ? undefined : ANSWER_MS
      const chain = await wants.ask(image, { signal, timeoutMs, records, tenantToken: tenantToken?.() })
      if (chain.state === 'ready') return toParts(chain)
      onProblem(bootError('SHOAL_BOOT_IMPORTING', { image }))
      failures = 0
      polls += 1
      await notice.wait(backOffMs(polls, random, IMPORT_POLL), { signal })
    } catch (error) {
      signal.throwIfAborted()
      if (local !== undefined && isNoAnswer(error)) return local
      if (!(error instanceof ShoalError) || isRefusal(error)) throw error
      if (error.code === 'SHOAL_NODE_UNKNOWN') deps.onUnknown()
      onProblem(error)
      failures += 1
      await notice.wait(backOffMs(failures, random, RETRY), { signal })
    }
  }
}

/**
 * Waits until all layers are in the store, be they empty, and gives them. Throws `SHOAL_BOOT_LAYER_WITHDRAWN` and what
 * the seed refuses a layer with. A boot that was ready before gets what is here, withdrawn or not: a machine runs on
 * it.
 */
export function whenStored(
  { layers, state }: Pick<BootRecord, 'layers' | 'state'>,
  { store, isWithdrawn, failureOf, notice }: BootLayersDeps,
  { signal, onProblem }: BootLayersOptions,
): Promise<StoredLayer[]> {
  const look = () => {
    const stored = layers.flatMap((digest) => store.get(digest) ?? [])
    const isStored = stored.length === layers.length
    const withdrawn = isStored && state === 'ready' ? undefined : layers.find(isWithdrawn)
    if (withdrawn !== undefined) throw bootError('SHOAL_BOOT_LAYER_WITHDRAWN', { layer: withdrawn })
    if (isStored) return stored
    const problem = layers.map(failureOf).find((failure) => failure !== undefined)
    if (problem !== undefined && isRefusal(problem)) throw problem
    onProblem(problem)
    return undefined
  }
  return notice.until(look, { everyMs: LOOK_MS, signal })
}

/**
 * Throws `SHOAL_BOOT_LAYER_INVALID` unless the layers are a base, or a base and a middle on it, by their signed
 * manifests.
 */
export function checkChain(stored: readonly StoredLayer[]): void {
  let below: Digest | null = null
  for (const { manifest } of stored) {
    const { digest: layer, parent } = manifest
    if (parent !== below) {
      const reason = `it is ${parent === null ? 'a base' : `a middle on ${parent}`}`
      throw bootError('SHOAL_BOOT_LAYER_INVALID', { layer, reason })
    }
    below = layer
  }
}

function localParts(chain: BootChain | undefined, { store, isWithdrawn }: BootLayersDeps): BootParts | undefined {
  if (chain === undefined) return undefined
  const parts = toParts(chain)
  const isHere = (digest: Digest) => store.get(digest) !== undefined && !isWithdrawn(digest)
  return parts.layers.every(isHere) ? parts : undefined
}

function toParts({ image, layers, wantsRecordings }: BootChain): BootParts {
  if (layers.length === 0) throw bootError('SHOAL_BOOT_FAILED', { name: image, reason: 'the seed names no layer' })
  return { layers: layers.map(({ layer }) => parseDigest(layer)), wantsRecordings }
}

/** What is no better when it is asked for again. */
const REFUSAL = /^SHOAL_(IMAGE|BOOT|ASSIGNMENT)_|^SHOAL_LAYER_(UNKNOWN|WITHDRAWN)$|^SHOAL_HTTP_(INVALID|NOT_FOUND)$/

function isRefusal(error: unknown): boolean {
  return REFUSAL.test(errorCode(error) ?? '')
}
