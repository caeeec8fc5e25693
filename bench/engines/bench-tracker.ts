import { setTimeout as sleep } from 'node:timers/promises'
import { silentLogger } from '@shoal/core'
import { createTracker, type TrackerPeerDescription } from '@shoal/swarm'
import type { EnginePlace, EngineRole, EngineRun } from './engine.ts'

/** Long: whoever comes later is told of whoever came before, and one of the two dials. */
const ANNOUNCE_INTERVAL_MS = 60_000
const KNOWN_TIMEOUT_MS = 60_000
const POLL_MS = 20

export interface BenchTracker extends AsyncDisposable {
  readonly urls: readonly string[]
  /** Makes one of our daemons known, as its registration with the seed does. To be called before it begins. */
  introduce(run: Pick<EngineRun, 'peerId'>, place: EnginePlace, role: EngineRole): void
  /** Resolves when so many peers have announced themselves. */
  known(peers: number): Promise<void>
}

/** Our own tracker for whatever engine is measured, so that all of them find their peers alike. It runs in this process. */
export async function startBenchTracker(options: { host: string; port: number }): Promise<BenchTracker> {
  const known = new Map<string, TrackerPeerDescription>()
  const tracker = createTracker(
    { logger: silentLogger },
    {
      ...options,
      isOpen: true,
      announceIntervalMs: ANNOUNCE_INTERVAL_MS,
      allows: () => true,
      describe: (peerId) => known.get(peerId),
    },
  )
  const urls = await tracker.start()
  return {
    // HTTP alone: every engine has it, and none then waits for a datagram.
    urls: urls.filter((url) => url.startsWith('http:')),
    introduce({ peerId }, { host, port, rack, zone }, role) {
      if (peerId === undefined) return
      const place = { ...(rack === undefined ? {} : { rack }), ...(zone === undefined ? {} : { zone }) }
      known.set(peerId, { address: `${host}:${port}`, isOrigin: role === 'seed', ...place })
    },
    async known(peers) {
      const deadline = Date.now() + KNOWN_TIMEOUT_MS
      while (tracker.peers() < peers) {
        if (Date.now() > deadline) throw new Error(`the tracker knows ${tracker.peers()} of ${peers} peers`)
        await sleep(POLL_MS)
      }
    },
    [Symbol.asyncDispose]: () => tracker.stop(),
  }
}
