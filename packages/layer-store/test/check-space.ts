import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import { blockSize } from '@shoal/core'
import type { LayerStore } from '@shoal/layer-store'

/** Checks that the store counts what `du` counts in its directory, and a layer what `du` counts in its own. */
export async function checkSpace(store: LayerStore, directory: string): Promise<void> {
  const layers = store.layers()
  // What is not flushed may be given its place on the disk between one look and the other.
  for (const layer of layers) await layer.flush()
  const { allocatedBytes } = await store.usage()
  assert.equal(allocatedBytes, diskUsage([join(directory, 'layers'), join(directory, 'staging')]))
  for (const layer of layers) assert.equal(await layer.allocatedBytes(), diskUsage([join(layer.path, '..')]))
}

/**
 * Checks that nothing takes space behind the last present block of each layer, and that its file has its full length. One block is
 * granted: a file system may count what it needs to find the others.
 */
export async function checkNothingBehind(store: LayerStore): Promise<void> {
  for (const { manifest, path, present } of store.layers()) {
    const last = [...present.ones()].at(-1)
    const end = last === undefined ? 0 : last * manifest.blockLengthBytes + blockSize(manifest, last)
    const { size, blocks, blksize } = await stat(path)
    assert.equal(size, manifest.sizeBytes)
    const allowed = (Math.ceil(end / blksize) + 1) * blksize
    assert.ok(blocks * 512 <= allowed, `${blocks * 512} bytes, and the last present block ends at ${end}`)
  }
}

function diskUsage(paths: readonly string[]): number {
  const total = execFileSync('du', ['--block-size=1', '--summarize', '--total', ...paths], { encoding: 'utf8' })
  return Number(/^(\d+)\ttotal$/m.exec(total)?.[1])
}
