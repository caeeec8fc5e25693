import type { SeedStatus } from '@shoal/api'
import { type Clock, errorMessage, type Logger, systemClock } from '@shoal/core'
import { BackgroundWork } from './background-work.ts'
import type { SeedConfig } from './config.ts'
import { TRAFFIC_INTERVAL_MS } from './dashboard/traffic-log.ts'
import { openHttp } from './http/open-http.ts'
import { tellShares } from './limits/tell-shares.ts'
import { openSecrets } from './open-secrets.ts'
import { COPIES_INTERVAL_MS } from './recent-copies.ts'
import { openSeedParts, type SeedParts } from './seed-parts.ts'

export interface SeedDeps {
  readonly logger: Logger
  readonly clock?: Clock
  /** Where `OS_*` is read from; default the process's own. */
  readonly env?: NodeJS.ProcessEnv
}

/** A running seed. */
export interface Seed extends AsyncDisposable {
  /** Base URL of the HTTP API. */
  readonly url: string
  /** Base URL of the listener of nodes; none where they are known by a token. */
  readonly nodesUrl: string | undefined
  readonly operatorToken: string
  readonly nodeToken: string
  status(): SeedStatus
  /** Stops everything in reverse; idempotent. Imports under way go on at the next start. */
  stop(): Promise<void>
}

const TALLY_INTERVAL_MS = 30_000
const POPULARITY_INTERVAL_MS = 60_000
const SHARES_INTERVAL_MS = 1000

/** Starts a seed. Whatever was started is stopped again when a later step fails. */
export async function startSeed(config: SeedConfig, deps: SeedDeps): Promise<Seed> {
  const { logger, clock = systemClock, env = process.env } = deps
  const stack = new AsyncDisposableStack()
  try {
    const secrets = await openSecrets(config, { clock })
    const parts = await openSeedParts(config, { secrets, env, clock, logger, stack })
    const { publication, trust, status } = parts
    const http = await openHttp(config, parts, { clock, logger })
    await publication.open()
    const url = await http.start()
    stack.defer(() => http.stop())
    const nodesUrl = await http.startNodes()
    trust?.own.trust.onChange(() => http.renewNodes())
    // A seed that cannot listen ends here again and again: until now it has asked nothing of the library.
    await resume(parts, stack)
    const work = new BackgroundWork({ clock, logger })
    begin(work, parts, { config, logger })
    stack.defer(async () => {
      parts.health.drain()
      await work.stop()
    })
    const { announceUrls, library, keys, swarm } = parts
    const addresses = { url, nodesUrl, swarm: swarm.address, trackers: announceUrls, library: library.endpoint }
    logger.info({ ...addresses, publicKey: keys.publicKey }, 'seed is ready')
    let stopped: Promise<void> | undefined
    const stop = () => {
      stopped ??= stack.disposeAsync()
      return stopped
    }
    const { operatorToken, nodeToken } = secrets
    return { url, nodesUrl, operatorToken, nodeToken, status, stop, [Symbol.asyncDispose]: stop }
  } catch (error) {
    await stack.disposeAsync()
    throw error
  }
}

/** Takes up what the last run left. */
async function resume({ importer, layerings, catalogue, review }: SeedParts, stack: AsyncDisposableStack) {
  await importer.resume()
  stack.defer(() => importer.stop())
  layerings.resume()
  stack.defer(() => layerings.stop())
  for (const { image } of catalogue.images()) review.consider(image.id)
  stack.defer(() => review.stop())
}

/** Begins all that goes on until the seed stops. */
function begin(work: BackgroundWork, parts: SeedParts, { config, logger }: { config: SeedConfig; logger: Logger }) {
  const { watcher, prefetch, rotation, trust, dhtKeys, limits, registry, tracker } = parts
  const { rackShares, assignments, journal, dashboard, saveTally, copies, popularity } = parts
  for (const part of [watcher, prefetch, rotation, trust?.own, dhtKeys]) work.run(part)
  const onError = (error: unknown) =>
    logger.error({ reason: errorMessage(error) }, 'the limits of the schedule were not written')
  work.run({ run: (options) => limits.run({ ...options, onError }) })
  const { heartbeatIntervalMs } = config.nodes
  work.every(heartbeatIntervalMs, async () => {
    for (const address of await registry.markLost()) tracker.forget(address)
  })
  work.every(heartbeatIntervalMs, (options) => registry.checkReachable(options))
  work.every(SHARES_INTERVAL_MS, () => tellShares(rackShares, assignments, journal))
  work.every(TRAFFIC_INTERVAL_MS, async () => dashboard.traffic.sample())
  work.every(TALLY_INTERVAL_MS, () => saveTally())
  work.every(COPIES_INTERVAL_MS, async () => copies.sample())
  work.every(POPULARITY_INTERVAL_MS, () => popularity.save())
}
