import { randomInt } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import type { NodeDisk } from '../../infra/guests/boot-to-marker.ts'
import { until } from '../../test/harness/until.ts'
import type { BootFleet } from './boot-fleet.ts'
import type { DiskSource } from './disk-source.ts'

const POLL_MS = 50

/**
 * An overlay above the layers' own files, on nodes that have all of them: nothing stands between QEMU and the files.
 */
export function chainDisks(fleet: BootFleet): DiskSource {
  const params = { name: `bench-${randomInt(1e9)}` }
  const [, middle] = fleet.layers
  const composed = new Set<string>()
  return {
    async open(node) {
      const peer = fleet.peer(node)
      composed.add(node)
      await peer.compose({ params, body: { layer: middle, format: 'chain' } })
      const { path, error } = await until(
        `a chain on ${node}`,
        async () => {
          const shown = await peer.showComposition({ params })
          return ['done', 'failed'].includes(shown.state) ? shown : undefined
        },
        { everyMs: POLL_MS },
      )
      if (error !== null) throw new Error(`${node} has no chain: ${JSON.stringify(error)}`)
      const { blockdev, nodeName } = JSON.parse(await readFile(path, 'utf8')) as NodeDisk
      return { blockdev, nodeName }
    },
    async [Symbol.asyncDispose]() {
      await Promise.all(
        [...composed].map((node) =>
          fleet
            .peer(node)
            .removeComposition({ params })
            .catch(() => {}),
        ),
      )
    },
  }
}
