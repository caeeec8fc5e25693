import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { mkdtemp, open, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { type ClusterContent, Qcow2Writer } from '../src/qcow2-writer.ts'
import { qemuImg } from './qemu-img.ts'

for (const clusterBits of [9, 12, 16, 21]) {
  for (const compression of ['none', 'zlib', 'zstd'] as const) {
    test(`an image with clusters of 2^${clusterBits} bytes, ${compression}, is what qemu-img takes for the same disk`, async (t) => {
      const directory = await mkdtemp(join(tmpdir(), 'shoal-qcow2-'))
      t.after(() => rm(directory, { recursive: true, force: true }))
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
      const handle = await open(file, 'w')
      const writer = new Qcow2Writer(
        { write: async (offset, bytes) => void (await handle.write(bytes, 0, bytes.length, offset)) },
        { virtualSizeBytes, clusterBits, compression, level: compression === 'zstd' ? 3 : 6 },
      )
      await writer.write(contents.slice(0, 100))
      await writer.write(contents.slice(100))
      const sizeBytes = await writer.finish()
      assert.equal((await handle.stat()).size, sizeBytes)
      await handle.close()
      const raw = join(directory, 'disk.raw')
      await writeFile(raw, disk)
      await qemuImg('check', '-q', '-f', 'qcow2', file)
      await qemuImg('compare', '-f', 'qcow2', '-F', 'raw', file, raw)
    })
  }
}
