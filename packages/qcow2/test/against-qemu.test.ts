import assert from 'node:assert/strict'
import { readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { Chain } from '../src/chain.ts'
import type { Extent } from '../src/extent.ts'
import { Qcow2Image } from '../src/qcow2-image.ts'
import { makeImage, recipes } from './corpus.ts'
import { openFile } from './file-access.ts'
import { likeQemu, qemuImg, qemuMap } from './qemu-img.ts'
import { tempDirectory } from './temp-directory.ts'

const all = [...recipes()]
/** So many groups run side by side. */
const GROUPS = 4

for (let group = 0; group < GROUPS; group += 1) {
  test(`maps and reads are those of qemu-img, group ${group + 1} of ${GROUPS}`, { concurrency: true }, async (t) => {
    const directory = await tempDirectory(t)
    for (const recipe of all.filter((_, index) => index % GROUPS === group)) {
      await t.test(recipe.name, async () => {
        const files = await makeImage(directory, recipe)
        const [file = ''] = files
        const sources = await Promise.all(files.map(openFile))
        const [top, ...below] = await Promise.all(sources.map((source) => Qcow2Image.open(source)))
        assert.ok(top !== undefined)
        const chain = new Chain([top, ...below])
        const extents: Extent[] = []
        for await (const extent of chain.map()) extents.push(extent)
        assert.deepEqual(likeQemu(extents), await qemuMap(file))
        const raw = join(directory, `${recipe.name}.raw`)
        await qemuImg('convert', '-f', 'qcow2', '-O', 'raw', file, raw)
        const expected = await readFile(raw)
        assert.equal(chain.virtualSizeBytes, expected.length)
        assert.ok((await chain.read(0, expected.length)).equals(expected), 'all of it')
        for (const [offset, length] of [
          [511, 3],
          [recipe.clusterBytes - 1, 2],
          [expected.length - 700, 9000],
        ] as const) {
          const part = await chain.read(offset, length)
          assert.ok(part.equals(expected.subarray(offset, offset + length)), `${length} bytes at ${offset}`)
        }
        await Promise.all(sources.map((source) => source.close()))
        await Promise.all([...files, raw].map((path) => rm(path)))
      })
    }
  })
}
