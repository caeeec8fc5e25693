import { randomInt } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Boot } from '@shoal/api'
import type { BootFleet } from './boot-fleet.ts'
import type { DiskSource } from './disk-source.ts'

/** A person or Nova would ask less often: what asking costs is in the times. */
const POLL_MS = 100

/** Disks that the peers serve, whether the layers are there or not: `shoal boot prepare`. Released in the end. */
export function preparedDisks(fleet: BootFleet, image: string): DiskSource {
  // Overlays stay after a release: another name begins with another one.
  const params = { boot: `bench-${randomInt(1e9)}` }
  const prepared = new Set<string>()
  return {
    async open(node, { signal }) {
      const peer = fleet.peer(node)
      prepared.add(node)
      let boot = await peer.prepareBoot({ params, body: { image }, signal })
      while (boot.state === 'preparing') {
        await sleep(POLL_MS, undefined, { signal })
        boot = await peer.showBoot({ params, signal })
      }
      const { state, error, blockdev, nodeName } = boot
      if (state === 'failed') throw new Error(`${node} cannot serve the disk: ${JSON.stringify(error)}`)
      return { blockdev, nodeName }
    },
    async facts() {
      const shown = await Promise.all([...prepared].map((node) => fleet.peer(node).showBoot({ params })))
      return factsOf(shown)
    },
    async [Symbol.asyncDispose]() {
      await Promise.all(
        [...prepared].map((node) =>
          fleet
            .peer(node)
            .releaseBoot({ params })
            .catch(() => {}),
        ),
      )
    },
  }
}

/** Of all nodes together; reads and megabytes are of one node in the mean. */
function factsOf(boots: readonly Boot[]): Record<string, number> {
  const sum = (pick: (boot: Boot) => number) => boots.reduce((all, boot) => all + pick(boot), 0)
  const meanMB = (pick: (boot: Boot) => number) => Math.round(sum(pick) / 1e4 / boots.length) / 100
  return {
    reads: Math.round(sum(({ reads }) => reads.reads) / boots.length),
    waitingReads: sum(({ reads }) => reads.waitingReads),
    stalls: sum(({ reads }) => reads.stalls),
    longestWaitMs: Math.max(...boots.map(({ reads }) => reads.longestWaitMs)),
    readMB: meanMB(({ reads }) => reads.readBytes),
    onDemandMB: meanMB(({ reads }) => reads.onDemandBytes),
    presentMB: meanMB(({ presentBytes }) => presentBytes),
  }
}
