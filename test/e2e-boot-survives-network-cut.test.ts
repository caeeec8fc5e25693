import { test } from 'node:test'
import { cutNetwork } from './harness/cut-network.ts'

const isRoot = process.getuid?.() === 0

test('a machine stands still while the cable of its node is out, then reads on, and reads right', {
  timeout: 120_000,
  skip: isRoot ? false : 'network namespaces need root',
}, async (t) => {
  await cutNetwork(t, { cutMs: 5000 })
})
