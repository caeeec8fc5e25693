import { type Digest, type Logger, ManualClock, silentLogger } from '@shoal/core'
import { createMemoryState } from '@shoal/state'
import type { Replicas } from '../src/cache-entry.ts'
import type { EvictedLayer } from '../src/evictor.ts'
import { LayerCache, type LayerCacheOptions } from '../src/layer-cache.ts'
import type { Pin } from '../src/pin.ts'
import { Pins } from '../src/pins.ts'
import { UseHistory } from '../src/use-history.ts'
import { NO_REPLICAS } from './held-layers.ts'
import { digestOf, MemoryStock } from './memory-stock.ts'

export const MIB = 1024 ** 2

/** 1000 MiB, of a file system of 2000 of which 100 stay free. */
export const LIMIT = {
  ...{ maxBytes: 1000 * MIB, maxShare: 1, minFreeBytes: 100 * MIB },
  ...{ highWatermark: 0.9, lowWatermark: 0.7 },
}

/** A cache over a memory stock, and hands on all that it goes by. */
export function createCacheFixture(options: Partial<LayerCacheOptions> = {}) {
  const clock = new ManualClock(1_000_000)
  const stock = new MemoryStock(2000 * MIB)
  const pins = new Pins({ state: createMemoryState(), clock })
  const history = new UseHistory()
  const evicted: EvictedLayer[] = []
  const replicas = new Map<Digest, Replicas>()
  const otherPins = new Map<Digest, readonly Pin[]>()
  const users = new Map<Digest, readonly Pin[]>()
  const asked: Digest[] = []
  const logged: string[] = []
  const hooks = { whenAsked: async () => {} }
  const log = (level: string) => (_: unknown, message: string) => void logged.push(`${level}: ${message}`)
  const logger: Logger = { ...silentLogger, info: log('info'), warn: log('warn') }
  const cache = new LayerCache(
    {
      ...{ stock, pins, history, clock, logger },
      replicas: (digest) => replicas.get(digest) ?? NO_REPLICAS,
      pinsOf: (digest, roomFor) => (otherPins.get(digest) ?? []).filter(({ owner }) => owner !== `not ${roomFor}`),
      usersOf: async (digests) => {
        asked.push(...digests)
        await hooks.whenAsked()
        return new Map([...users].filter(([digest]) => digests.includes(digest)))
      },
      onEvicted: (layer) => void evicted.push(layer),
    },
    { limit: LIMIT, policy: 'lru', lastCopiesLast: false, bootShare: 0, ...options },
  )
  /** Puts layers of 100 MiB there, each used a second after the one before. */
  const fill = (first: number, last: number) => {
    for (let index = first; index <= last; index += 1) {
      clock.advance(1000)
      stock.put(digestOf(index), 100 * MIB)
      history.used(digestOf(index), clock.now())
    }
  }
  const evictedDigests = () => evicted.map(({ digest }) => digest)
  return {
    ...{ clock, stock, pins, history, cache, fill, replicas, otherPins, users, asked, logged, hooks },
    ...{ evicted, evictedDigests },
  }
}

export function machinePin(index: number, owner: string): Pin {
  return { digest: digestOf(index), kind: 'machine', owner, since: 0, expiresAt: null }
}
