import type { DiskImage } from '@shoal/qcow2'
import { type DiskFiles, openDisk } from '../layers/disk-files.ts'
import { BlockTrace, type Trace, type TracedFile } from './block-trace.ts'
import type { Touches } from './first-touches.ts'

/**
 * The blocks of a disk's files that are needed to read these guest bytes in this order: what is read to open the
 * files, the tables that lead to the data, then the data. Reads headers and tables and no data. `cuts`: the files'
 * sizes, the base first. Throws `SHOAL_QCOW2_*`.
 */
export async function traceBoot(files: DiskFiles, cuts: readonly TracedFile[], touches: Touches): Promise<Trace> {
  const trace = new BlockTrace(cuts)
  // Depth 0 is the topmost file, layer 0 the base.
  const onRead = (depth: number, offset: number, length: number) => {
    trace.add(files.length - 1 - depth, offset, length)
  }
  // Opened anew for each boot: tables that are remembered are not read, and would not be seen.
  await using opened = await openDisk(files, { onRead })
  const follow = async (images: readonly DiskImage[], depth: number, start: number, end: number): Promise<void> => {
    const [image, ...below] = images
    const top = Math.min(end, image?.virtualSizeBytes ?? 0)
    if (image === undefined || start >= top) return
    for await (const extent of image.extents(start, top - start)) {
      if (extent.kind === 'below') await follow(below, depth + 1, extent.start, extent.start + extent.length)
      else if (extent.kind === 'data') onRead(depth, extent.host, extent.length)
      else if (extent.kind === 'compressed') onRead(depth, extent.host, extent.packedBytes)
    }
  }
  for (const [offset, length] of touches) {
    if (trace.isFull) break
    await follow(opened.disk.images, 0, offset, offset + length)
  }
  return trace.runs()
}
