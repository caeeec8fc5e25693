import type { Boot } from '@shoal/api'
import type { Digest, ShoalError } from '@shoal/core'
import type { LayerStore } from '@shoal/layer-store'
import { errorBody } from '../error-body.ts'
import { describeBoot } from './boot-description.ts'
import { type BootRecord, NO_SPANS } from './boot-record.ts'
import { type BootCompanions, NO_READS, type OpenBoot } from './boots-ports.ts'

/** A boot while the daemon runs. */
export interface BootEntry {
  record: BootRecord
  /** Of the tenant for whom it is, until its layers are known: in memory only. */
  tenantToken: string | undefined
  /** Why it is not ready yet. */
  problem: ShoalError | undefined
  open: OpenBoot | undefined
  /** Ends the hold on its layers. */
  release: () => void
  /** Ends the prefetch of what it is going to read. */
  endPrefetch: () => void
  /** What brings it to where it is served, or has done so. */
  work: { readonly abort: AbortController; readonly ended: Promise<void> }
}

export function newEntry(record: BootRecord, tenantToken?: string): BootEntry {
  const work = { abort: new AbortController(), ended: Promise.resolve() }
  return { record, tenantToken, problem: undefined, open: undefined, release: () => {}, endPrefetch: () => {}, work }
}

/** What the API shows. One that is not served again since a restart is being prepared. */
export function viewBoot(
  { record, problem, open }: BootEntry,
  { store, companions }: { store: Pick<LayerStore, 'get'>; companions: Pick<BootCompanions, 'isRecording'> },
): Boot {
  const { name, image, error, layers, virtualSizeBytes, overlay, preparedAt, spans = NO_SPANS } = record
  const isServed = record.state === 'ready' && open !== undefined
  const waitsFor = problem === undefined ? null : errorBody(problem)
  const socket = open?.socket ?? ''
  const description = isServed
    ? describeBoot({ name, socket, overlay })
    : { uri: '', blockdev: [], nodeName: '', qemu: '', libvirt: '' }
  return {
    ...{ name, image, socket, overlay, virtualSizeBytes, preparedAt },
    spans: { ...spans },
    isRecorded: companions.isRecording(name),
    state: record.state === 'ready' && !isServed ? 'preparing' : record.state,
    error: error ?? (isServed ? null : waitsFor),
    layers: [...layers],
    ...sizes(layers, store),
    ...description,
    blockdev: [...description.blockdev],
    reads: open?.reads() ?? { ...NO_READS },
  }
}

function sizes(layers: readonly Digest[], store: Pick<LayerStore, 'get'>) {
  const stored = layers.flatMap((digest) => store.get(digest) ?? [])
  return {
    presentBytes: stored.reduce((sum, { presentBytes }) => sum + presentBytes, 0),
    totalBytes: stored.reduce((sum, { manifest }) => sum + manifest.sizeBytes, 0),
  }
}
