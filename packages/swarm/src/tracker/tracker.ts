import { once } from 'node:events'
import { isIP } from 'node:net'
import { type Clock, errorMessage, type Logger, steadyClock, systemClock } from '@shoal/core'
import { AnnounceGuard } from '../auth/announce-proof.ts'
import { RefusalLog } from '../auth/refusal-log.ts'
import type { AccessRefusal, SwarmIdentity } from '../auth/swarm-identity.ts'
import { swarmError } from '../errors.ts'
import { refuseOpen } from '../refuse-open.ts'
import { type AnnounceRequest, AnnounceServer, type TrackerFlood } from './announce-server.ts'
import { compactAddress } from './compact-address.ts'
import type { Announce } from './tracked-peer.ts'
import { TrackerTable, type TrackerTableLimits } from './tracker-table.ts'

/** What is known of a peer beside its announces. */
export interface TrackerPeerDescription {
  /** The `host:port` it wants to be found at; without it the one it announces. */
  readonly address?: string
  readonly rack?: string
  readonly zone?: string
  /** The node that registered this peer id: with credentials nobody else announces it. */
  readonly node?: string
  /** Whether it is the source of last resort, which every peer that lacks something is told of. */
  readonly isOrigin?: boolean
  /** Whether others may be told of it; default is yes. */
  readonly isSource?: boolean
}

export interface TrackerDeps {
  /** Told of each announce and connection that was too many, with the address. */
  readonly onFlood?: (what: TrackerFlood, address: string) => void
  readonly logger: Logger
  /** Default is the steady clock. */
  readonly clock?: Clock
  /** From 0 up to 1; default is `Math.random`. */
  readonly random?: () => number
  /** With it announces have to be signed by a node of the cluster, each for itself; without it anybody may announce. */
  readonly identity?: SwarmIdentity | undefined
  /** Hears of announces that were no node's, or not their own. */
  readonly onRefused?: (refusal: AccessRefusal) => void
}

export interface TrackerOptions {
  readonly host: string
  /** Whether it may listen beyond this machine without credentials, for whoever comes; default is no. */
  readonly isOpen?: boolean
  /** Port of both the HTTP and the UDP tracker; 0 takes free ones. */
  readonly port: number
  /** Host name or address that announce URLs show; default is `host`. */
  readonly advertiseHost?: string
  /** Time between two announces of a peer at rest; in a burst it is shorter, in very large swarms longer. */
  readonly announceIntervalMs: number
  /** Whether a swarm is ours: announces for any other info hash (hexadecimal) are refused. */
  readonly allows: (infoHash: string) => boolean
  /** Says what is known of the daemon with a peer id (hexadecimal); `undefined` for clients that are not ours. */
  readonly describe: (peerId: string) => TrackerPeerDescription | undefined
  /** Whether a node may have the layer of an info hash, where announces are signed; default is yes. */
  readonly mayHave?: (infoHash: string, node: string) => boolean
  readonly limits?: TrackerTableLimits
}

export interface Tracker {
  /** Starts listening; resolves with the announce URLs, HTTP first; with credentials it is the only one. Throws `SHOAL_TRACKER_LISTEN` or `SHOAL_SWARM_OPEN`. */
  start(): Promise<string[]>
  stop(): Promise<void>
  /** How many peers are in the swarms now. */
  peers(): number
  /** Hands a peer out no more, by the address it is handed out at, until it announces again. */
  forget(address: string): void
}

/** The swarm's tracker over HTTP (BEP 3, 7, 23, 48) and UDP (BEP 15). What it knows is in memory and comes from announces. */
export function createTracker(deps: TrackerDeps, options: TrackerOptions): Tracker {
  const { logger, clock = steadyClock, random = Math.random } = deps
  const { allows, announceIntervalMs: restMs, limits } = options
  const table = new TrackerTable({ clock, random }, { restMs, limits })
  const admits = deps.identity === undefined ? () => 'peer' as const : onlyNodes(deps, deps.identity, options)
  const server = new AnnounceServer(
    {
      allows,
      announce: (infoHash, request) => {
        const described = options.describe(request.peerId)
        const admitted = admits(infoHash, request, described?.node)
        if (admitted === undefined) return undefined
        const answer = table.announce(infoHash, toAnnounce(request, described))
        return answer !== undefined && admitted === 'source' ? { ...answer, peers: [] } : answer
      },
      scrape: (infoHash) => table.scrape(infoHash),
    },
    clock,
    { isClosed: deps.identity !== undefined, ...(deps.onFlood === undefined ? {} : { onFlood: deps.onFlood }) },
  )
  server.on('warning', (error) => logger.debug({ error }, 'tracker refused a request'))
  server.on('error', (error) => logger.warn({ error }, 'tracker failed'))

  return {
    async start() {
      const { host, port, advertiseHost = host, isOpen } = options
      refuseOpen(host, { identity: deps.identity, isOpen })
      try {
        server.http.listen(port, host)
        await once(server.http, 'listening')
        const bound = server.http.address()
        const httpPort = typeof bound === 'object' && bound !== null ? bound.port : port
        const httpUrl = `http://${advertiseHost}:${httpPort}/announce`
        if (server.udp4 === null) return [httpUrl]
        server.udp4.bind(httpPort, host)
        await once(server.udp4, 'listening')
        return [httpUrl, `udp://${advertiseHost}:${httpPort}`]
      } catch (error) {
        throw swarmError('SHOAL_TRACKER_LISTEN', { address: `${host}:${port}`, reason: errorMessage(error) }, error)
      }
    },
    async stop() {
      server.http.closeAllConnections()
      await new Promise<void>((resolve) => server.close(() => resolve()))
    },
    peers: () => table.peers(),
    forget: (address) => table.forget(address),
  }
}

/**
 * What a node is that made an announce for itself; refusals are told. A source is told of nobody: it has the layer and is not to have more of
 * it.
 */
function onlyNodes(deps: TrackerDeps, identity: SwarmIdentity, { mayHave = () => true }: TrackerOptions) {
  const guard = new AnnounceGuard(identity, systemClock)
  const log = new RefusalLog(deps.clock ?? steadyClock, deps.logger)
  return (
    infoHash: string,
    request: AnnounceRequest,
    registeredBy: string | undefined,
  ): 'peer' | 'source' | undefined => {
    const checked = guard.check(request.proof, { ...request, infoHash })
    const isHolder = 'name' in checked
    const isOwn = isHolder && (registeredBy === undefined || registeredBy === checked.name)
    if (isOwn && (checked.role === 'seed' || mayHave(infoHash, checked.name))) return 'peer'
    if (isOwn && (request.leftBytes === 0 || request.event === 'stopped')) return 'source'
    const reason = isOwn ? 'no-grant' : isHolder ? 'wrong-name' : checked.reason
    const node = (isHolder ? checked.name : checked.shown?.name) ?? null
    const refusal: AccessRefusal = { kind: 'announce', reason, address: `${request.sourceIp}:${request.port}`, node }
    log.note(refusal)
    deps.onRefused?.(refusal)
    return undefined
  }
}

/** A peer under the address it registered; one that nobody knows, or that registered none, under the one it announces from. */
function toAnnounce(request: AnnounceRequest, described: TrackerPeerDescription | undefined): Announce {
  const { event, sourceIp, leftKib, wanted } = request
  const { address, zone = '', rack = '', isOrigin = false, isSource = true } = described ?? {}
  const colon = address?.lastIndexOf(':') ?? -1
  const host = address?.slice(0, colon).replace(/^\[(.*)\]$/, '$1') ?? ''
  const port = Number(address?.slice(colon + 1)) || request.port
  return {
    ...{ event, leftKib, wanted, zone, rack, isOrigin, isSource, source: sourceIp },
    isFromAddress: address === undefined || host === sourceIp,
    isNode: described !== undefined,
    address: address ?? `${sourceIp}:${request.port}`,
    // A name cannot be handed out: then the address that the announce came from.
    compact: compactAddress(isIP(host) === 0 ? sourceIp : host, port) ?? new Uint8Array(),
  }
}
