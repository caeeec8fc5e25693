import { test } from 'node:test'
import { cutNetwork } from '../harness/cut-network.ts'

for (const seconds of [30, 120]) {
  test(`a machine reads on, and reads right, after the network of its node was away for ${seconds} s`, async (t) => {
    await cutNetwork(t, { cutMs: seconds * 1000 })
  })
}
