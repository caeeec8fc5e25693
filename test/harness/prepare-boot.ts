import assert from 'node:assert/strict'
import type { Boot, BootRequest } from '@shoal/api'
import type { Cluster } from './cluster.ts'
import { until } from './until.ts'

/** Asks a node for a disk and waits until it can be opened, however little of it is there. */
export async function prepareBoot(cluster: Cluster, node: string, name: string, body: BootRequest): Promise<Boot> {
  const client = await cluster.peerClient(node)
  const params = { boot: name }
  await client.prepareBoot({ params, body })
  const boot = await until(`${name} on ${node}`, async () => {
    const shown = await client.showBoot({ params })
    return shown.state === 'preparing' ? undefined : shown
  })
  assert.equal(boot.state, 'ready', JSON.stringify(boot.error))
  return boot
}

/** The image that the library has, as soon as the seed has seen it. */
export function onlyImage(cluster: Cluster): Promise<string> {
  return until('the seed sees the image', async () => (await cluster.client.listImages()).images[0]?.id)
}
