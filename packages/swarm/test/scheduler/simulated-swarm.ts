import { Bitfield, seededRandom } from '@shoal/core'
import type Wire from 'bittorrent-protocol'
import { PeerLink } from '../../src/peer-link.ts'
import { type OfferClient, OriginOffers } from '../../src/scheduler/origin-offers.ts'
import { PieceScheduler } from '../../src/scheduler/piece-scheduler.ts'
import { PieceSet } from '../../src/scheduler/piece-set.ts'
import type { Source } from '../../src/scheduler/source.ts'
import { SourceHealth } from '../../src/source-health.ts'
import { Flow, Link, SimulatedNetwork } from './simulated-network.ts'

const CONTROL_MS = 1
/** As `HaveTimer` has it: between nodes of a rack, and for each neighbour to others. */
const NEAR_HAVE_MS = 20
const HAVE_MS_PER_NEIGHBOUR = 5
const MAX_HAVE_MS = 200
const WRITE_MS = 2
const TICK_MS = 100
const HEALTH_MS = 1000
const NEED_MS = 500

export interface SimulatedNode {
  readonly name: string
  readonly rack?: string
  readonly upBytesPerSecond: number
  readonly downBytesPerSecond: number
  /** When it is killed; never by default. */
  readonly killedAtMs?: number
  /** When it joins; 0 by default. */
  readonly joinsAtMs?: number
  /** Takes requests and answers none. */
  readonly isMute?: boolean
}

export interface Simulation {
  readonly pieces: number
  readonly pieceBytes: number
  readonly originUpBytesPerSecond: number
  readonly nodes: readonly SimulatedNode[]
  /** Rate of each rack's uplink, each way; no limit by default. */
  readonly uplinkBytesPerSecond?: number
  readonly seed: number
}

export interface SimulationResult {
  /** Seconds until each node that was not killed was complete. */
  readonly seconds: ReadonlyMap<string, number>
  readonly lastSeconds: number
  readonly seedCopies: number
  /** When the origin sent its last piece. */
  readonly originSeconds: number
  /** Copies that entered each rack, the origin's included. */
  readonly rackCopies: ReadonlyMap<string, number>
  /** Bytes that arrived twice, over all that arrived. */
  readonly wasted: number
}

interface Peer {
  readonly plan: SimulatedNode
  readonly have: Bitfield
  readonly scheduler: PieceScheduler
  readonly health: SourceHealth
  readonly sources: Map<Peer, Source>
  readonly links: Map<Peer, PeerLink>
  readonly origin: Source
  readonly client: OfferClient
  /** What takes a request back. */
  readonly requests: Map<string, () => void>
  readonly up: Link
  readonly down: Link
  needSentAt: number
  window: number
  doneAt: number | undefined
  isAlive: boolean
  hasJoined: boolean
}

/** Runs a swarm of real schedulers and a real origin over simulated links. The same seed gives the same run. */
export function simulate(simulation: Simulation): SimulationResult {
  const { pieces, pieceBytes, nodes } = simulation
  const network = new SimulatedNetwork()
  const random = seededRandom(simulation.seed)
  const offers = new OriginOffers({ pieceCount: pieces, now: () => network.now })
  const originUp = new Link(simulation.originUpBytesPerSecond)
  const uplinks = new Map<string, { in: Link; out: Link }>()
  const flows = new Map<string, Flow>()
  const rackBytes = new Map<string, number>()
  let originBytes = 0
  let originSeconds = 0
  let receivedBytes = 0
  let usefulBytes = 0

  const uplink = (rack: string) => {
    const bytesPerSecond = simulation.uplinkBytesPerSecond ?? 1e12
    const found = uplinks.get(rack) ?? { in: new Link(bytesPerSecond), out: new Link(bytesPerSecond) }
    uplinks.set(rack, found)
    return found
  }
  const flow = (from: Peer | undefined, to: Peer) => {
    const key = `${from?.plan.name ?? ''}>${to.plan.name}`
    const known = flows.get(key)
    if (known !== undefined) return known
    const links: Link[] = [from?.up ?? originUp, to.down]
    if (from?.plan.rack !== to.plan.rack || from === undefined) {
      if (from?.plan.rack !== undefined) links.push(uplink(from.plan.rack).out)
      if (to.plan.rack !== undefined) links.push(uplink(to.plan.rack).in)
    }
    const made = new Flow(links)
    flows.set(key, made)
    return made
  }
  const count = (from: Peer | undefined, to: Peer) => {
    receivedBytes += pieceBytes
    if (from === undefined) {
      originBytes += pieceBytes
      originSeconds = network.now / 1000
    }
    const { rack } = to.plan
    if (rack !== undefined && from?.plan.rack !== rack) rackBytes.set(rack, (rackBytes.get(rack) ?? 0) + pieceBytes)
  }
  const peerOf = (self: Peer, source: Source) => [...self.sources].find(([, candidate]) => candidate === source)?.[0]

  const peers: Peer[] = nodes.map((plan) => {
    const have = new Bitfield(pieces)
    const scheduler = new PieceScheduler(
      {
        ask: (source, piece) => {
          const from = peerOf(self, source)
          if (from === undefined || from.plan.isMute) return
          network.after(CONTROL_MS, () => {
            if (!from.isAlive || !self.isAlive) return
            const takeBack = network.send(flow(from, self), pieceBytes, () => {
              self.requests.delete(requestKey(from, piece))
              received(self, from, source, piece)
            })
            self.requests.set(requestKey(from, piece), takeBack)
          })
        },
        cancel: (source, piece) => {
          const from = peerOf(self, source)
          if (from === undefined) return
          network.after(CONTROL_MS, () => {
            self.requests.get(requestKey(from, piece))?.()
            self.requests.delete(requestKey(from, piece))
          })
        },
        admit: () => true,
        setOffers: (_origin, window) => {
          if (self.window !== window) {
            self.window = window
            network.after(CONTROL_MS, () => {
              self.client.window = window
              serve()
            })
          }
          sendNeed(self)
        },
      },
      { node: plan.name, pieceCount: pieces, pieceBytes: () => pieceBytes, have, now: () => network.now, random },
    )
    const origin = scheduler.addSource({ node: 'origin', place: 'origin' })
    origin.canChoose = true
    const self: Peer = {
      plan,
      have,
      scheduler,
      health: new SourceHealth(scheduler),
      sources: new Map(),
      links: new Map(),
      origin,
      client: offers.addClient(),
      requests: new Map(),
      up: new Link(plan.upBytesPerSecond),
      down: new Link(plan.downBytesPerSecond),
      needSentAt: Number.NEGATIVE_INFINITY,
      window: 0,
      doneAt: undefined,
      isAlive: true,
      hasJoined: false,
    }
    return self
  })

  const sendNeed = (peer: Peer) => {
    if (network.now - peer.needSentAt < NEED_MS || !peer.isAlive) return
    peer.needSentAt = network.now
    const need = peer.scheduler.needOfOrigin()
    network.after(CONTROL_MS, () => {
      peer.client.need = need
      serve()
    })
  }
  let turn = 0
  const serve = () => {
    for (let idle = 0; idle < peers.length; ) {
      turn = (turn + 1) % peers.length
      const peer = peers[turn]
      const piece = peer === undefined || !peer.isAlive ? undefined : offers.choose(peer.client)
      if (peer === undefined || piece === undefined) idle += 1
      else {
        idle = 0
        network.send(flow(undefined, peer), pieceBytes, () => received(peer, undefined, peer.origin, piece))
      }
    }
  }
  const received = (peer: Peer, from: Peer | undefined, source: Source, piece: number) => {
    if (!peer.isAlive || (from !== undefined && !from.isAlive)) return
    count(from, peer)
    if (from === undefined) {
      network.after(CONTROL_MS, () => {
        offers.arrived(peer.client, 1)
        serve()
      })
    }
    if (from === undefined) peer.scheduler.onChosen(source, piece)
    peer.scheduler.onReceived(source, piece)
    peer.scheduler.fill()
    const link = from === undefined ? undefined : peer.links.get(from)
    if (link !== undefined) peer.health.onDelivered(link, network.now)
    network.after(WRITE_MS, () => stored(peer, piece))
  }
  const stored = (peer: Peer, piece: number) => {
    if (!peer.isAlive || !peer.have.set(piece)) return
    usefulBytes += pieceBytes
    peer.scheduler.onStored(piece)
    peer.scheduler.fill()
    if (peer.have.isFull) peer.doneAt = network.now
    const { rack } = peer.plan
    const isNear = (other: Peer) => rack !== undefined && other.plan.rack === rack
    const farMs = Math.min(MAX_HAVE_MS, Math.max(NEAR_HAVE_MS, peers.length * HAVE_MS_PER_NEIGHBOUR))
    network.after(NEAR_HAVE_MS * random(), () => tell(peer, piece, isNear))
    network.after(farMs * random(), () => tell(peer, piece, (other) => !isNear(other)))
  }
  const tell = (peer: Peer, piece: number, isMeant: (other: Peer) => boolean) => {
    for (const other of peers) {
      const source = other.sources.get(peer)
      if (!isMeant(other) || !other.isAlive || source === undefined) continue
      other.scheduler.addPiece(source, piece)
      other.scheduler.fill()
    }
  }
  const join = (peer: Peer) => {
    peer.hasJoined = true
    for (const other of peers) {
      if (other === peer || !other.hasJoined || !other.isAlive) continue
      meet(peer, other)
      meet(other, peer)
    }
    peer.scheduler.setUsable(peer.origin, true)
    const tick = () => {
      if (!peer.isAlive || peer.have.isFull) return
      peer.scheduler.tick()
      network.after(TICK_MS, tick)
    }
    tick()
    const look = () => {
      if (!peer.isAlive || peer.have.isFull) return
      checkHealth(peer)
      network.after(HEALTH_MS, look)
    }
    look()
  }
  const meet = (self: Peer, other: Peer) => {
    const isSame = self.plan.rack === other.plan.rack
    const place = self.plan.rack === undefined ? 'unknown' : isSame ? 'near' : 'far'
    const source = self.scheduler.addSource({ node: other.plan.name, place })
    self.sources.set(other, source)
    self.scheduler.setPieces(source, new PieceSet(pieces, other.have))
    self.links.set(other, buildLink(other.plan.name, source, network.now))
    self.scheduler.setUsable(source, true)
  }
  const part = (self: Peer, other: Peer) => {
    const source = self.sources.get(other)
    if (source !== undefined) self.scheduler.removeSource(source)
    self.sources.delete(other)
    self.links.delete(other)
  }
  const checkHealth = (self: Peer) => {
    for (const [other, link] of [...self.links]) {
      const { source } = link
      if (source === undefined) continue
      // Bytes of a piece that is on its way are seen as they come.
      if (flow(other, self).jobs.length > 0) source.lastDataAt = network.now
      if (self.health.check(link, network.now)) part(self, other)
      else self.scheduler.setUsable(source, link.isUsable)
    }
  }
  const kill = (peer: Peer) => {
    peer.isAlive = false
    offers.removeClient(peer.client)
    for (const other of peers) {
      part(other, peer)
      for (const key of [`${peer.plan.name}>${other.plan.name}`, `${other.plan.name}>${peer.plan.name}`]) {
        const open = flows.get(key)
        if (open !== undefined) network.cut(open)
      }
    }
    const open = flows.get(`>${peer.plan.name}`)
    if (open !== undefined) network.cut(open)
    serve()
  }
  for (const peer of peers) {
    network.after((peer.plan.joinsAtMs ?? 0) + random() * 20, () => join(peer))
    if (peer.plan.killedAtMs !== undefined) network.after(peer.plan.killedAtMs, () => kill(peer))
  }
  const survivors = peers.filter(({ plan }) => plan.killedAtMs === undefined)
  network.run(() => survivors.every(({ doneAt }) => doneAt !== undefined), 3_600_000)

  const size = pieces * pieceBytes
  const seconds = new Map(survivors.map(({ plan, doneAt }) => [plan.name, (doneAt ?? Number.POSITIVE_INFINITY) / 1000]))
  return {
    seconds,
    lastSeconds: Math.max(...seconds.values()),
    seedCopies: originBytes / size,
    originSeconds,
    rackCopies: new Map([...rackBytes].map(([rack, bytes]) => [rack, bytes / size])),
    wasted: 1 - usefulBytes / receivedBytes,
  }
}

function buildLink(name: string, source: Source, now: number): PeerLink {
  const wire = { peerId: name, peerChoking: false, destroyed: false } as unknown as Wire
  const link = new PeerLink({ wire, host: name, dialled: undefined, now })
  link.source = source
  link.isOpen = true
  link.isKnown = true
  return link
}

function requestKey(from: Peer, piece: number): string {
  return `${from.plan.name} ${piece}`
}
