import { type Static, Type } from 'typebox'
import { ARRIVAL_REASONS, ReasonSum, whence } from './arrival.ts'
import { BootGlance } from './boot-glance.ts'
import { Event } from './event.ts'
import { bytes, count, digest, nodeId, nullable, place, rate, text, time } from './field.ts'
import { SwarmHealth } from './health.ts'
import { Image } from './image.ts'
import { Layer } from './layer.ts'
import { MAX_MODE_REASON_CHARS, NODE_MODES } from './node-mode.ts'
import { PlanSummary } from './prefetch.ts'

export const Overview = Type.Object(
  {
    at: time('When it was so.'),
    version: text("Version of the seed's software.", 100),
    startedAt: time('When the seed started.'),
    health: SwarmHealth,
    library: Type.Object(
      {
        endpoint: text('URL of the image library.', 500),
        reachable: Type.Boolean({ description: 'Whether the last request was answered.' }),
        rateBytesPerSecond: rate('Present rate of reading.'),
        limitBytesPerSecond: nullable(rate('Limit on reading; null when there is none.')),
        readBytes: bytes('Image data read since the start.'),
        importing: count('Imports queued or running.'),
      },
      { description: 'What is read from the image library, against its limit.' },
    ),
    seed: Type.Object(
      {
        upBytesPerSecond: rate('What the seed sends.'),
        uploadedBytes: bytes('Sent since the start.'),
        connections: count('Peers connected.'),
        copies: nullable(
          Type.Number({
            minimum: 0,
            description: 'Bytes it ever sent of the layers that nodes hold, over their sizes; 1 is ideal.',
          }),
        ),
      },
      { description: 'What the seed gives.' },
    ),
    swarm: Type.Object(
      {
        downBytesPerSecond: rate('What all nodes receive.'),
        upBytesPerSecond: rate('What all nodes send.'),
        fetchingNodes: count('Nodes that lack something that they were assigned.'),
        seedShare: nullable(
          Type.Number({
            minimum: 0,
            maximum: 1,
            description: "The seed's part of what nodes receive; null: nothing moves.",
          }),
        ),
      },
      { description: 'What moves between nodes.' },
    ),
    nodes: Type.Object({
      ready: count('Nodes that are well.'),
      unreachable: count('Nodes whose swarm address does not answer.'),
      lost: count('Nodes without heartbeats.'),
      away: count('Of neither: nodes that were drained and are gone, whom nobody misses.'),
      draining: count('Nodes that drain, whatever their state.'),
      quarantined: count('Nodes in quarantine, whatever their state.'),
      troubled: count('Nodes that have a reason not to be well, whatever their state.'),
    }),
    cache: Type.Object({
      usedBytes: bytes('Layers on all nodes.'),
      capacityBytes: bytes('What all nodes offer for layers.'),
      fullNodes: count('Nodes whose layers take more than nine tenths of that.'),
    }),
    images: Type.Object({
      total: count('Images known.'),
      published: count('Images published as a layer.'),
      failed: count('Images whose last import failed.'),
    }),
    plans: Type.Object({
      running: count('Plans under way.'),
      late: count('Of these, those that will miss their deadline.'),
    }),
    boots: Type.Object({
      serving: count('Disks served to VMs.'),
      preparing: count('Disks that are not there yet.'),
      failed: count('Disks that cannot be served.'),
      stalls: count('Reads that waited for longer than a second, of the disks served now.'),
    }),
  },
  { description: 'The swarm at a glance.' },
)
export type Overview = Static<typeof Overview>

export const NODE_TROUBLES = [
  'lost',
  'disconnected',
  'unreachable',
  'failed',
  'no-source',
  'stuck',
  'slow',
  'full',
] as const

export const NodeTrouble = Type.Object(
  {
    code: Type.Enum([...NODE_TROUBLES], { description: 'What is the matter.' }),
    message: text('The same for people.'),
  },
  { description: 'Why a node is not well, slow or stuck.' },
)
export type NodeTrouble = Static<typeof NodeTrouble>

export const NodeRow = Type.Object(
  {
    id: nodeId('Name of the node.'),
    zone: place('Availability zone.'),
    rack: place('Rack.'),
    state: Type.Enum(['ready', 'unreachable', 'lost'], { description: 'As of the node itself.' }),
    mode: Type.Enum([...NODE_MODES], { description: 'Whether it takes part.' }),
    modeReason: text('Why it does not; empty when nothing was said.', MAX_MODE_REASON_CHARS),
    isDrained: Type.Boolean({ description: 'Whether it does not take part and may go.' }),
    trouble: nullable(NodeTrouble),
    wantedBytes: bytes('Of the layers that it holds or fetches.'),
    presentBytes: bytes('Of them verified on its disk.'),
    usedBytes: bytes('Used by layers.'),
    capacityBytes: bytes('Disk that it offers for layers.'),
    downBytesPerSecond: rate('Present rate of receiving.'),
    upBytesPerSecond: rate('Present rate of sending.'),
    layers: count('Layers that it holds or fetches.'),
    fetching: count('Of these, those that it is to get now.'),
    boots: count('Disks that it serves to VMs.'),
  },
  { description: 'A node in one row.' },
)
export type NodeRow = Static<typeof NodeRow>

export const BootRow = Type.Object(
  { ...BootGlance.properties, node: nodeId('Where.'), id: text('Node and name.', 400) },
  { description: 'A disk that a node serves to a VM, as the node reported it.' },
)
export type BootRow = Static<typeof BootRow>

export const TrafficPoint = Type.Object(
  {
    at: time('When it was so.'),
    libraryBytesPerSecond: rate('Read from the library.'),
    seedBytesPerSecond: rate('Sent by the seed.'),
    swarmBytesPerSecond: rate('Received by all nodes.'),
  },
  { description: 'What moved at one moment.' },
)
export type TrafficPoint = Static<typeof TrafficPoint>

const changes = <T extends typeof NodeRow | typeof PlanSummary | typeof Layer | typeof Image | typeof BootRow>(
  row: T,
  maxItems: number,
) =>
  Type.Object(
    {
      set: Type.Array(row, { maxItems, description: 'New, or other than before.' }),
      gone: Type.Array(text('Its id.', 400), { maxItems, description: 'Not there any more.' }),
    },
    { description: 'What changed since the message before.' },
  )

export const DashboardFrame = Type.Object(
  {
    isWhole: Type.Boolean({ description: 'Whether it says all there is, in place of what was said before.' }),
    overview: Overview,
    nodes: changes(NodeRow, 100_000),
    plans: changes(PlanSummary, 10_000),
    layers: changes(Layer, 100_000),
    images: changes(Image, 100_000),
    boots: changes(BootRow, 100_000),
    history: Type.Array(TrafficPoint, {
      maxItems: 1000,
      description: 'What moved in the last ten minutes, the oldest first; empty but in a message that says everything.',
    }),
    events: Type.Array(Event, { maxItems: 1000, description: 'New events, the oldest first.' }),
  },
  { description: 'One message to dashboards.' },
)
export type DashboardFrame = Static<typeof DashboardFrame>

export const SpreadRack = Type.Object(
  {
    zone: place('Availability zone.'),
    rack: place('Rack.'),
    nodes: count('Nodes that hold some of it, or were asked to.'),
    complete: count('Of these, those that hold all of it.'),
    presentBytes: bytes('Verified on their disks.'),
    fromOriginBytes: bytes('They received from the seed.'),
    fromPeersBytes: bytes('They received from nodes.'),
    uploadedBytes: bytes('They sent to nodes.'),
  },
  { description: 'How far the nodes of a rack are with a layer.' },
)
export type SpreadRack = Static<typeof SpreadRack>

/** The most flows between racks that are told, the largest. */
export const MAX_RACK_FLOWS = 1000

export const RackFlow = Type.Object(
  {
    from: Type.Object(whence, { description: 'Of the sources; both empty when they do not say, or it is the seed.' }),
    isOrigin: Type.Boolean({ description: 'Whether the source is the seed.' }),
    zone: place('Availability zone of those that receive.'),
    rack: place('Rack of those that receive.'),
    bytes: bytes('So far.'),
    bytesPerSecond: rate('Present rate.'),
  },
  { description: 'What moved, and moves, of a layer from one rack, or from the seed, to another rack.' },
)
export type RackFlow = Static<typeof RackFlow>

export const LayerSpread = Type.Object(
  {
    layer: digest('The layer.'),
    stretches: count('Into how many parts of equal length the maps divide it.'),
    stretchBytes: bytes('Length of one of them.'),
    nodes: Type.Array(
      Type.Object({
        node: nodeId('Name of the node.'),
        state: text('How far it is.', 20),
        presentBytes: bytes('Verified on its disk.'),
        map: text('One hexadecimal digit a stretch: 0 nothing, f all of it. Empty: not known.', 256),
      }),
      { maxItems: 100_000, description: 'By zone, rack and name.' },
    ),
    copies: Type.Array(Type.Number({ minimum: 0, description: 'Copies of one stretch.' }), {
      maxItems: 256,
      description: 'How many copies of each stretch are on nodes, parts counted as such.',
    }),
    racks: Type.Array(SpreadRack, { maxItems: 10_000, description: 'By zone and name.' }),
    flows: Type.Array(RackFlow, {
      maxItems: MAX_RACK_FLOWS,
      description: 'Between racks and in them, the largest first.',
    }),
    reasons: Type.Array(ReasonSum, {
      maxItems: ARRIVAL_REASONS.length,
      description: 'Why pieces came from where they came from, on all nodes, the most bytes first.',
    }),
  },
  { description: 'Where a layer is.' },
)
export type LayerSpread = Static<typeof LayerSpread>
