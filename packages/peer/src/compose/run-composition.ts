import type { Digest } from '@shoal/core'
import type { LayerStore } from '@shoal/layer-store'
import { peerError } from '../errors.ts'
import type { LayerHolds } from '../layer-holds.ts'
import type { ComposeDisk, ComposeOptions } from './compose-process.ts'
import type { CompositionRecord } from './composition-records.ts'
import type { DiskDirectory, PlacedFile } from './disk-directory.ts'
import { layerChain } from './layer-chain.ts'
import { makeFiles } from './make-files.ts'

export interface RunDeps {
  readonly store: Pick<LayerStore, 'get'>
  readonly holds: LayerHolds
  readonly isWithdrawn: (digest: Digest) => boolean
  readonly disks: DiskDirectory
  readonly compose: ComposeDisk
  /** Promises room for a file that is to be written; throws a coded error when there is none. */
  readonly reserve: (path: string, bytes: number) => Promise<{ end(): void }>
}

export interface RunOptions extends Omit<ComposeOptions, 'reserve'> {
  /** Records what is about to be put into place, so that a crash in between leaves nothing that nobody knows. */
  readonly onMade: (files: readonly PlacedFile[]) => Promise<void>
}

/**
 * Makes the files of a composition and puts them into place; nothing of them is left when that fails. Its layers are
 * held meanwhile, and those of a chain until `release` is called.
 */
export async function runComposition(
  record: CompositionRecord,
  deps: RunDeps,
  { onMade, ...options }: RunOptions,
): Promise<{ readonly writtenBytes: number; readonly release: () => void }> {
  const { disks, holds, compose } = deps
  const chain = layerChain(record.layer, deps)
  const release = holds.hold(
    chain.map(({ manifest }) => manifest.digest),
    record.path,
  )
  if (release === undefined) throw peerError('SHOAL_PEER_LAYER_UNKNOWN', { layer: record.layer })
  const temporaries: string[] = []
  const temporaryPath = () => {
    const path = disks.temporaryPath()
    temporaries.push(path)
    return path
  }
  const reservations: { end(): void }[] = []
  const reserve = async (path: string, bytes: number) => {
    reservations.push(await deps.reserve(path, bytes))
  }
  let files: PlacedFile[] = []
  try {
    const made = await makeFiles(record, chain, { ...options, reserve, compose, temporaryPath })
    // A check of a layer may have found bad blocks meanwhile, or the layer was withdrawn.
    layerChain(record.layer, deps)
    files = made.files.map(({ path, identity }) => ({ path, identity }))
    await onMade(files)
    options.signal.throwIfAborted()
    for (const { temporary, path } of made.files) await disks.place(temporary, path)
    if (record.format !== 'chain') release()
    return { writtenBytes: made.writtenBytes, release }
  } catch (error) {
    for (const file of files) await disks.remove(file)
    release()
    throw error
  } finally {
    await disks.discard(temporaries)
    for (const reservation of reservations) reservation.end()
  }
}
