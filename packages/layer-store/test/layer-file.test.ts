import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { BlockBuffers } from '@shoal/core'
import { BlockThread } from '../src/block-thread.ts'
import { createLayerFile } from '../src/layer-file.ts'

test('a layer file is closed only when the blocks under way are in it', async (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'shoal-file-'))
  const buffers = new BlockBuffers({ count: 1 })
  const thread = new BlockThread(buffers.memory)
  t.after(async () => {
    await thread.close()
    rmSync(directory, { recursive: true })
  })
  const path = join(directory, 'disk')
  const file = await createLayerFile(path, 8192, thread)
  const buffer = await buffers.acquireWhenFree()
  const data = buffer.payload(4096).fill(7)
  const block = { length: 4096, hash: createHash('sha256').update(data).digest() }
  const writes = [file.writeBlock(0, buffer, block), file.writeBlock(4096, buffer, block)]
  await file.close()
  assert.deepEqual(readFileSync(path), Buffer.alloc(8192, 7))
  assert.deepEqual(await Promise.all(writes), [true, true])
})
