import { setTimeout as sleep } from 'node:timers/promises'
import { fetchBy } from '@shoal/peer/seed-side'
import { type AnnounceFacts, proveAnnounce, type SwarmIdentity } from '@shoal/swarm'
import { Agent } from 'undici'
import type { Latencies } from '../dashboard/latencies.ts'

const FIRST_MS = 10_000
const RETRY_MS = 10_000
const LEFT_BYTES = 1

export interface AnnouncerOptions {
  readonly url: string
  readonly peerId: string
  readonly host: string
  readonly port: number
  readonly identity: SwarmIdentity | undefined
}

/** Tells an HTTP tracker that a node takes part in swarms (BEP 3), signed where the node has a certificate, as often as the tracker says. */
export class Announcer {
  readonly #options: AnnouncerOptions
  readonly #fetch: typeof fetch

  constructor(options: AnnouncerOptions) {
    this.#options = options
    // From the node's own address, over connections that nobody else uses.
    const agent = new Agent({ connect: { localAddress: options.host } })
    this.#fetch = fetchBy(() => agent)
  }

  async run(infoHash: string, latencies: Latencies, { signal }: { signal: AbortSignal }): Promise<void> {
    await sleep(Math.random() * FIRST_MS)
    for (let event: AnnounceFacts['event'] = 'started'; !signal.aborted; ) {
      const seconds = await latencies.time('announce', () => this.#announce(infoHash, event))
      if (seconds !== undefined) event = 'update'
      await sleep(seconds === undefined ? RETRY_MS : seconds * 1000)
    }
  }

  /** How many seconds to wait until the next time. */
  async #announce(infoHash: string, event: AnnounceFacts['event']): Promise<number> {
    const { url, peerId, port, identity } = this.#options
    const facts = { infoHash, peerId, port, leftBytes: LEFT_BYTES, event }
    const parameters = [
      `info_hash=${percent(infoHash)}&peer_id=${percent(peerId)}&port=${port}&uploaded=0&downloaded=0&left=${LEFT_BYTES}&compact=1&numwant=30`,
      ...(event === 'update' ? [] : [`event=${event}`]),
      ...(identity === undefined ? [] : [`shoal_auth=${proveAnnounce(identity, facts, Date.now())}`]),
    ]
    const answer = await this.#fetch(`${url}?${parameters.join('&')}`)
    const interval = /8:intervali(\d+)e/.exec(await answer.text())?.[1]
    if (interval === undefined) throw new Error(`the tracker refused: ${answer.status}`)
    return Number(interval)
  }
}

/** Bytes given in hexadecimal digits, as a tracker's query has them. */
function percent(hex: string): string {
  return hex.replace(/../g, '%$&')
}
