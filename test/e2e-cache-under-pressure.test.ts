import { test } from 'node:test'
import { putCacheUnderPressure } from './harness/cache-pressure.ts'

const isRoot = process.getuid?.() === 0

test('asked for three times what fits, with QEMU reading one layer, a node keeps that one and what fits, and stays well', {
  timeout: 240_000,
  skip: isRoot ? false : 'mounting a small file system needs root',
}, async (t) => {
  await putCacheUnderPressure(t, { layers: 8, layerMib: 24, limitMib: 64, timeoutMs: 120_000 })
})
