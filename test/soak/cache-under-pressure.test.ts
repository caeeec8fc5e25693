import { test } from 'node:test'
import { putCacheUnderPressure } from '../harness/cache-pressure.ts'

test('a node with a limit of 1 GiB is asked for 3 GiB of layers at once', async (t) => {
  await putCacheUnderPressure(t, { layers: 8, layerMib: 384, limitMib: 1024, timeoutMs: 1_200_000 })
})
