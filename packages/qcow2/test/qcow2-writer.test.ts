import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { type ClusterContent, Qcow2Writer } from '../src/qcow2-writer.ts'
import { createFile } from './file-access.ts'
import { qemuImg } from './qemu-img.ts'
import { tempDirectory } from './temp-directory.ts'

for (const clusterBits of [9, 12, 16, 21]) {
  for (const compression of ['none', 'zlib', 'zstd'] as const) {
    test(`an image with clusters of 2^${clusterBits} bytes, ${compression}, is what qemu-img takes for the same disk`, async (t) => {
      const directory = await tempDirectory(t)
      const cluster = 2 ** clusterBits
      const clusters = Math.min(3000, Math.ceil((24 * 1024 * 1024) / cluster))
      const virtualSizeBytes = clusters * cluster - (cluster > 512 ? 512 : 0)
      const disk = Buffer.alloc(virtualSizeBytes)
      const contents: ClusterContent[] = []
      for (let index = 0; index < clusters; index += 1) {
        const guest = index * cluster
        const length = Math.min(cluster, virtualSizeBytes - guest)
        const kind = index % 5
        if (kind === 0) continue
        if (kind === 1) {
          contents.push({ guest, data: 'zero' })
          continue
        }
        // Half of it does not compress.
        const data = kind === 2 ? randomBytes(length) : Buffer.alloc(length, `cluster ${index} `)
        data.copy(disk, guest)
        contents.push({ guest, data })
      }
      contents.reverse()
      const file = join(directory, 'image.qcow2')
      const sink = await createFile(file)
      const level = compression === 'zstd' ? 3 : 6
      const writer = new Qcow2Writer(sink, { virtualSizeBytes, clusterBits, compression, level })
      await writer.write(contents.slice(0, 100))
      await writer.write(contents.slice(100))
      const sizeBytes = await writer.finish()
      await sink.close()
      assert.equal((await stat(file)).size, sizeBytes)
      const raw = join(directory, 'disk.raw')
      await writeFile(raw, disk)
      await qemuImg('check', '-q', '-f', 'qcow2', file)
      await qemuImg('compare', '-f', 'qcow2', '-F', 'raw', file, raw)
    })
  }
}
