import { type Digest, ShoalError } from '@shoal/core'
import type { LayerStore, StoredLayer } from '@shoal/layer-store'
import type { ComposeDisk } from '../compose/compose-process.ts'
import { layerChain } from '../compose/layer-chain.ts'
import { peerError } from '../errors.ts'
import type { LayerHolds } from '../layer-holds.ts'
import { type BaseDirectory, baseName } from './base-directory.ts'
import type { BaseRecord } from './base-records.ts'

export interface MakeBaseDeps {
  readonly store: Pick<LayerStore, 'get'>
  readonly holds: LayerHolds
  readonly isWithdrawn: (digest: Digest) => boolean
  readonly directory: BaseDirectory
  readonly compose: ComposeDisk
  /** Promises room for a file that is to be written; throws a coded error when there is none. */
  readonly reserve: (path: string, bytes: number) => Promise<{ end(): void }>
}

export interface MakeBaseOptions {
  readonly format: 'raw' | 'qcow2'
  readonly placedAt: string
  readonly signal: AbortSignal
  readonly onProgress: (doneBytes: number, totalBytes: number) => void
  /** Records what is about to get its name, so that a crash in between leaves nothing that nobody knows. */
  readonly onMade: (record: BaseRecord) => Promise<void>
}

export type Chain = readonly [StoredLayer, ...StoredLayer[]]

/** The layers of the first of several disks that are all here, the topmost first; `undefined` when none are. */
export function completeChain(
  tops: readonly Digest[],
  deps: Pick<MakeBaseDeps, 'store' | 'isWithdrawn'>,
): Chain | undefined {
  for (const top of tops) {
    try {
      return layerChain(top, deps)
    } catch (error) {
      if (!(error instanceof ShoalError)) throw error
    }
  }
  return undefined
}

/**
 * Makes the base file of an image from its layers; false when something has its name by now. Whoever calls this has Nova's lock on it: a
 * machine that is to start meanwhile waits for this file, instead of downloading the image. Throws the codes of composing and `SHOAL_NOVA_*`.
 */
export async function makeBase(
  image: string,
  chain: Chain,
  deps: MakeBaseDeps,
  { format, placedAt, signal, onProgress, onMade }: MakeBaseOptions,
): Promise<{ readonly isPlaced: boolean; readonly writtenBytes: number }> {
  const { directory, holds } = deps
  const name = baseName(image)
  const digests = chain.map(({ manifest }) => manifest.digest)
  const release = holds.hold(digests, directory.pathOf(name))
  if (release === undefined) throw peerError('SHOAL_PEER_LAYER_UNKNOWN', { layer: digests[0] })
  const temporary = directory.temporaryPath()
  const reservations: { end(): void }[] = []
  const { virtualSizeBytes } = chain[0].manifest
  try {
    const layers = chain.map(({ path, manifest }) => {
      return { path, format: manifest.format, sizeBytes: manifest.sizeBytes }
    })
    const { identity, writtenBytes } = await deps.compose(
      { layers, virtualSizeBytes, format, compression: 'none', path: temporary },
      {
        signal,
        onProgress: (doneBytes) => onProgress(doneBytes, virtualSizeBytes),
        reserve: async (path, bytes) => void reservations.push(await deps.reserve(path, bytes)),
      },
    )
    await directory.handOver(temporary)
    // A check of a layer may have found bad blocks meanwhile, or the layer was withdrawn.
    layerChain(chain[0].manifest.digest, deps)
    signal.throwIfAborted()
    await onMade({ image, name, identity, format, layers: digests, virtualSizeBytes, placedAt })
    return { isPlaced: await directory.place(temporary, name), writtenBytes }
  } finally {
    await directory.discard(temporary)
    for (const reservation of reservations) reservation.end()
    release()
  }
}
