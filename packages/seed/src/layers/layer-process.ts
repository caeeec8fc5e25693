// Entry of the process that works on layers: images are hostile input and cost CPU, so they are read outside of the seed's own process.
import { open } from 'node:fs/promises'
import { setPriority } from 'node:os'
import { errorCode, errorMessage, ShoalError } from '@shoal/core'
import {
  type Chain,
  findFreeSpace,
  firstDifference,
  type GuestRange,
  guestDigest,
  Sketch,
  writeLayer,
} from '@shoal/qcow2'
import { fileSink } from '@shoal/qcow2/file-access'
import { traceBoot } from '../boot-profiles/trace-boot.ts'
import { openDisk } from './disk-files.ts'
import type { LayerAnswer, LayerResults, LayerTask } from './layer-task.ts'

/** Below the seed itself, which serves the swarm meanwhile. */
const PRIORITY = 10
const PROGRESS_MS = 200
const MIN_FREE_BYTES = 4096
/** 50 MB of memory. */
const MAX_FREE_RANGES = 1_000_000

const send = (answer: LayerAnswer) => process.send?.(answer)

setPriority(PRIORITY)
// Whoever asked is gone: nobody waits for the result.
process.on('disconnect', () => process.exit(0))
process.on('message', (task: LayerTask) => {
  run(task).then(
    (result) => send({ type: 'done', result }),
    (error: unknown) => {
      const hint = error instanceof ShoalError ? error.hint : undefined
      send({ type: 'failed', code: errorCode(error), message: errorMessage(error), hint })
    },
  )
})

async function run(task: LayerTask): Promise<LayerResults[LayerTask['type']]> {
  const onProgress = seldom((doneBytes) => send({ type: 'progress', doneBytes }))
  if (task.type === 'sketch') {
    await using opened = await openDisk(task.disk)
    return (await Sketch.of(opened.disk)).encode()
  }
  if (task.type === 'boot-trace') return traceBoot(task.disk, task.cuts, task.touches)
  if (task.type === 'guest-digest') {
    await using opened = await openDisk(task.disk)
    return await guestDigest(opened.disk, { onProgress })
  }
  if (task.type === 'compare') {
    await using one = await openDisk(task.one)
    await using other = await openDisk(task.other)
    const except = task.dropFreeSpace ? await freeSpaceOf(one.disk) : []
    return (await firstDifference(one.disk, other.disk, { except, onProgress })) ?? null
  }
  await using disk = await openDisk(task.disk)
  await using base = task.base === null ? null : await openDisk(task.base)
  await using file = await open(task.path, 'w', 0o640)
  const unneeded = task.dropFreeSpace ? await freeSpaceOf(disk.disk) : []
  const content = { disk: disk.disk, base: base?.disk, hot: task.hot, unneeded }
  const written = await writeLayer(content, fileSink(file), { ...task.format, onProgress })
  await file.sync()
  return { ...written, freeBytes: unneeded.reduce((sum, { length }) => sum + length, 0) }
}

/** Free space in pieces of a block and more; of a disk with very many pieces, some of them. */
async function freeSpaceOf(disk: Chain): Promise<GuestRange[]> {
  const ranges: GuestRange[] = []
  const free = await findFreeSpace(disk)
  for await (const range of free.ranges({ minLengthBytes: MIN_FREE_BYTES })) {
    ranges.push(range)
    if (ranges.length === MAX_FREE_RANGES) break
  }
  return ranges
}

/** Calls it now and then, however often it is called. */
function seldom(report: (value: number) => void): (value: number) => void {
  let last = 0
  return (value) => {
    const now = performance.now()
    if (now - last < PROGRESS_MS) return
    last = now
    report(value)
  }
}
