import assert from 'node:assert/strict'
import { readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { composeRaw } from '../src/compose-raw.ts'
import { writeLayer } from '../src/write-layer.ts'
import { createFile } from './file-access.ts'
import { memoryFile, qcow2Disk, rawDisk } from './memory-disk.ts'
import { changedDisk, randomDisk } from './random-disk.ts'
import { tempDirectory } from './temp-directory.ts'

const MIB = 1024 * 1024

test('a composed disk has the bytes of its chain, and holes for zeros', async (t) => {
  const directory = await tempDirectory(t)
  const baseBytes = Buffer.concat([randomDisk(5 * MIB, 1)], 40 * MIB)
  const flatBytes = changedDisk(baseBytes, 64 * MIB, 2)
  const [base, middle] = [memoryFile(), memoryFile()]
  const format = { clusterBits: 14, compression: 'zstd', level: 3 } as const
  await writeLayer({ disk: rawDisk(baseBytes) }, base, format)
  await writeLayer({ disk: rawDisk(flatBytes), base: rawDisk(baseBytes) }, middle, format)
  const chain = await qcow2Disk(middle.bytes(), base.bytes())
  const path = join(directory, 'disk.raw')
  const sink = await createFile(path, chain.virtualSizeBytes)
  const progress: number[] = []
  const writtenBytes = await composeRaw(chain, sink, { onProgress: (bytes) => progress.push(bytes) })
  await sink.close()
  assert.ok((await readFile(path)).equals(flatBytes))
  const { blocks } = await stat(path)
  assert.ok(writtenBytes < 10 * MIB, `${writtenBytes} bytes were written`)
  assert.ok(blocks * 512 < 10 * MIB, `${blocks * 512} bytes are on disk`)
  assert.equal(progress.at(-1), flatBytes.length)
  assert.deepEqual(
    progress,
    [...progress].sort((one, other) => one - other),
  )
})

test('a write that fails ends the composition with its error', async () => {
  const fault = new Error('the disk is full')
  let writes = 0
  const sink = {
    write: async () => {
      writes += 1
      if (writes === 3) throw fault
    },
  }
  await assert.rejects(composeRaw(rawDisk(Buffer.alloc(20 * MIB, 'x')), sink), fault)
  assert.ok(writes < 12, `${writes} writes`)
})
