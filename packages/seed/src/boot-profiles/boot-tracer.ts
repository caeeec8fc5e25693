import type { LayerStore } from '@shoal/layer-store'
import { seedError } from '../errors.ts'
import type { DiskFile } from '../layers/disk-files.ts'
import type { LayerWorker } from '../layers/layer-worker.ts'
import type { Trace } from './block-trace.ts'
import type { Touches } from './first-touches.ts'
import type { ProfileLayer } from './profile-record.ts'

export interface BootTracerDeps {
  readonly store: Pick<LayerStore, 'get'>
  readonly startWorker: (image: string) => Pick<LayerWorker, 'run' | typeof Symbol.asyncDispose>
}

/**
 * Finds the blocks of layers that boots read, in a process of its own: layers are hostile input, and following
 * thousands of reads through their tables takes a core for a moment. Throws `SHOAL_BOOT_PROFILE_NO_LAYERS`,
 * `SHOAL_LAYERING_*` and `SHOAL_QCOW2_*`.
 */
export async function traceBoots(
  { store, startWorker }: BootTracerDeps,
  { image, layers, boots }: { image: string; layers: readonly ProfileLayer[]; boots: readonly Touches[] },
  signal: AbortSignal,
): Promise<Trace[]> {
  const files = layers.flatMap(({ digest }): DiskFile[] => {
    const stored = store.get(digest)
    return stored?.isComplete ? [{ path: stored.path, format: stored.manifest.format }] : []
  })
  const [top, ...below] = files.toReversed()
  if (top === undefined || files.length !== layers.length) throw seedError('SHOAL_BOOT_PROFILE_NO_LAYERS', { image })
  await using worker = startWorker(image)
  const traces: Trace[] = []
  for (const touches of boots) {
    const task = { type: 'boot-trace', disk: [top, ...below], cuts: layers, touches } as const
    traces.push(await worker.run(task, { signal }))
  }
  return traces
}
