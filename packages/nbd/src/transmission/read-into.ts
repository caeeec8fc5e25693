import type { BlockDevice } from '../block-device.ts'
import type { ReadRun } from './read-runs.ts'

/** Reads the runs that are not zeros into their places in `into`, which begins at `offset`. It settles when no read touches that any more. */
export async function readInto(
  device: BlockDevice,
  offset: number,
  into: Buffer,
  runs: readonly ReadRun[],
  options: { signal: AbortSignal },
): Promise<void> {
  const reads = runs.map(async (run) => {
    if (run.isZero) return
    const start = run.offset - offset
    await device.read(run.offset, run.length, into.subarray(start, start + run.length), options)
  })
  for (const result of await Promise.allSettled(reads)) if (result.status === 'rejected') throw result.reason
}
