import { type Clock, errorCode, type Logger, type ShoalError } from '@shoal/core'
import type { StoredLayer } from '@shoal/layer-store'
import { backOffMs } from '../back-off.ts'
import { wholeSectors } from '../compose/open-layer.ts'
import type { LayerHolds } from '../layer-holds.ts'
import { bootUri } from './boot-description.ts'
import type { BootOverlays } from './boot-overlay.ts'
import { type BootRecord, NO_SPANS, originOf } from './boot-record.ts'
import type { BootEntry } from './boots-entry.ts'
import { type BootLayersDeps, checkChain, findParts, whenStored } from './boots-layers.ts'
import type { BlockServer, BootCompanions, OpenBoot, ServedBoot } from './boots-ports.ts'
import { bootFailure } from './errors.ts'

/** Time between two attempts to hold layers of which one is just being evicted. */
const HOLD_MS = 200
const RETRY = { firstMs: 500, lastMs: 10_000 }
/** Of a layer that will be no better when all of it is here. */
const BAD_LAYER = /^SHOAL_(QCOW2_|BOOT_LAYER_INVALID$)/

export interface ServeBootDeps extends BootLayersDeps {
  readonly overlays: Pick<BootOverlays, 'make' | 'check' | 'pathOf'>
  readonly server: BlockServer
  readonly holds: LayerHolds
  readonly companions: BootCompanions
  /** What boots need of layers has changed. */
  readonly onNeeds: () => void
  /** A boot is asked for that is made of this layer. */
  readonly onUse: (layer: StoredLayer) => void
  readonly clock: Clock
  readonly logger: Logger
}

export interface ServeBootOptions {
  readonly signal: AbortSignal
  /** Records a change of the boot. */
  readonly save: (change: Partial<BootRecord>) => Promise<void>
  /** Whether boots are recorded at all. */
  readonly recordings: boolean
}

/**
 * Brings a boot to where it is served: asks the seed for its layers, holds them, waits until the store has what
 * describes them, opens the disk and makes its overlay. After a restart it does what of that is left. Throws what it
 * fails with, or the signal's reason.
 */
export async function serveBoot(entry: BootEntry, deps: ServeBootDeps, options: ServeBootOptions): Promise<void> {
  const { signal, save } = options
  await findLayers(entry, deps, options)
  const { name, image, overlay, state } = entry.record
  if (image !== null) entry.endPrefetch = deps.companions.prefetch(image, entry.record.layers)
  const stored = await storedLayers(entry, deps, options)
  const virtualSizeBytes = wholeSectors(stored.at(-1)?.manifest.virtualSizeBytes ?? 0)
  if (virtualSizeBytes !== entry.record.virtualSizeBytes) await save({ virtualSizeBytes })
  const { socket } = await open(entry, deps, signal)
  // Of one that was ready before the overlay is the VM's, wherever it is now.
  if (overlay !== null && state !== 'ready') {
    const uri = bootUri({ name, socket })
    await deps.overlays.make({ path: overlay, origin: originOf(entry.record) }, { uri, virtualSizeBytes })
  }
  signal.throwIfAborted()
  entry.problem = undefined
  if (state !== 'ready') {
    const openAt = new Date(deps.clock.now()).toISOString()
    await save({ state: 'ready', error: null, spans: { ...(entry.record.spans ?? NO_SPANS), openAt } })
  }
  deps.logger.info({ name, socket, layers: entry.record.layers }, 'a disk is served')
}

/** Who holds the layers of a boot. */
export function ownerOf({ name }: Pick<BootRecord, 'name'>): string {
  return `boot ${name}`
}

async function findLayers(entry: BootEntry, deps: ServeBootDeps, options: ServeBootOptions): Promise<void> {
  if (entry.record.layers.length > 0) return
  const { signal, recordings } = options
  const tenantToken = () => entry.tenantToken
  const { image, record } = entry.record
  const records = recordings && record === null
  const asked = { signal, onProblem: problemOf(entry), records, tenantToken }
  const parts = await findParts(entry.record, deps, asked).finally(() => {
    entry.tenantToken = undefined
  })
  const isRecorded = image !== null && recordings && (record ?? parts.wantsRecordings)
  await need(entry, { layers: parts.layers, isRecorded }, deps, options)
}

/** The layers, when all of them are in the store. A middle that was named by itself brings its base. */
async function storedLayers(
  entry: BootEntry,
  deps: ServeBootDeps,
  options: ServeBootOptions,
): Promise<readonly StoredLayer[]> {
  const { layers, layer, state } = entry.record
  const known = layers.flatMap((digest) => deps.store.get(digest) ?? [])
  const stored = await whenStored(entry.record, deps, { signal: options.signal, onProblem: problemOf(entry) })
  const parent = stored[0]?.manifest.parent ?? null
  if (layer !== null && layers.length === 1 && parent !== null) {
    await need(entry, { layers: [parent, layer] }, deps, options)
    return storedLayers(entry, deps, options)
  }
  checkChain(stored)
  // Those that were not here count when they are assigned.
  if (state !== 'ready') for (const layer of known) deps.onUse(layer)
  return stored
}

/** Takes note of layers, holds them, and has those fetched that are not here. */
async function need(
  entry: BootEntry,
  change: Partial<BootRecord> & Pick<BootRecord, 'layers'>,
  { holds, clock, onNeeds }: ServeBootDeps,
  { signal, save }: ServeBootOptions,
): Promise<void> {
  const owner = ownerOf(entry.record)
  let release = holds.hold(change.layers, owner)
  while (release === undefined) {
    await clock.sleep(HOLD_MS, { signal })
    release = holds.hold(change.layers, owner)
  }
  entry.release()
  entry.release = release
  await save(change)
  onNeeds()
}

/** Tries again as long as layers are not complete: what it has to read first may not be here yet. */
async function open(
  entry: BootEntry,
  { server, store, companions, random, clock }: ServeBootDeps,
  signal: AbortSignal,
): Promise<OpenBoot> {
  const { name, image, layers, virtualSizeBytes, isRecorded, state } = entry.record
  const boot: ServedBoot = { name, image, layers, virtualSizeBytes }
  // What a machine reads after a restart of the daemon is not its boot.
  if (isRecorded && image !== null && state !== 'ready') companions.record({ ...boot, image })
  for (let failures = 1; ; failures += 1) {
    try {
      entry.open = await server.open(boot, { signal })
      return entry.open
    } catch (error) {
      signal.throwIfAborted()
      const isComplete = layers.every((digest) => store.get(digest)?.isComplete)
      // After a restart a VM waits: then nothing is given up.
      if (state !== 'ready' && (isComplete || BAD_LAYER.test(errorCode(error) ?? ''))) throw error
      entry.problem = bootFailure(name, error)
      await clock.sleep(backOffMs(failures, random, RETRY), { signal })
    }
  }
}

function problemOf(entry: BootEntry): (problem: ShoalError | undefined) => void {
  return (problem) => {
    entry.problem = problem
  }
}
