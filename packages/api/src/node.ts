import { type Static, Type } from 'typebox'
import { ArrivalSample, Flow, LayerArrivals, MAX_FLOWS, MAX_SAMPLES } from './arrival.ts'
import { LayerBootProfile } from './assignment.ts'
import { BootGlance, MAX_TOLD_BOOTS } from './boot-glance.ts'
import { ErrorBody } from './error-body.ts'
import { address, bytes, count, digest, hex20, nodeId, nullable, place, rate, text, time } from './field.ts'
import { ToldLimits } from './limits.ts'
import { NodeModeStatus } from './node-mode.ts'

/** The most layers a node may report. */
export const MAX_NODE_LAYERS = 4096
/** The most stretches into which the map of a layer divides it. */
export const MAX_MAP_STRETCHES = 128
/** The most events one heartbeat may carry. */
export const MAX_HEARTBEAT_EVENTS = 100

const registration = {
  zone: place('Availability zone.'),
  rack: place('Rack.'),
  swarmAddress: address('Where other nodes reach this one for blocks.'),
  swarmPeerId: hex20("The node's BitTorrent peer id."),
  dhtAddress: nullable(address("The node's DHT address (UDP).")),
  apiUrl: nullable(text("Base URL of the node's own API.", 500)),
  capacityBytes: bytes('Disk the node offers for layers.'),
  aggregates: Type.Optional(
    Type.Array(place('Name of a host aggregate.'), { maxItems: 100, description: 'Host aggregates it belongs to.' }),
  ),
  linkBytesPerSecond: Type.Optional(
    nullable(rate("Rate of its link, each way; null or absent: what the seed's configuration assumes.")),
  ),
  version: text("Version of the node's software.", 100),
}

export const NodeRegistration = Type.Object(registration, {
  additionalProperties: false,
  description: 'What a node says about itself when it registers.',
})
export type NodeRegistration = Static<typeof NodeRegistration>

export const Enrollment = Type.Object(
  {
    heartbeatIntervalMs: Type.Integer({
      minimum: 10,
      maximum: 3_600_000,
      description: 'Time between heartbeats. Milliseconds.',
    }),
    publicKeys: Type.Array(text('An Ed25519 public key, base64url.', 100), {
      maxItems: 16,
      description: 'Keys that may sign manifests.',
    }),
    trackers: Type.Array(text('An announce URL.', 500), { maxItems: 16, description: 'Trackers to announce to.' }),
    dhtBootstrap: Type.Array(address('A DHT node.'), {
      maxItems: 32,
      description: 'DHT nodes to start from, the seed first.',
    }),
    dhtKeys: Type.Optional(
      Type.Array(Type.String({ pattern: '^[0-9a-f]{64}$', description: 'A key, 32 bytes in hexadecimal.' }), {
        maxItems: 4,
        description:
          'Keys that datagrams of the DHT are marked with, the newest first; absent where nodes have no certificates.',
      }),
    ),
    originAddress: nullable(address('Where the origin serves blocks.')),
    reachable: nullable(
      Type.Boolean({ description: 'Whether the seed could connect to swarmAddress; null when it did not try.' }),
    ),
    reachability: text('What the seed found when it tried to connect.'),
  },
  { description: 'What a node is told when it registers.' },
)
export type Enrollment = Static<typeof Enrollment>

export const LAYER_STATES = ['waiting', 'fetching', 'complete', 'failed', 'evicted'] as const

export const LayerInventory = Type.Object(
  {
    digest: digest('The layer.'),
    state: Type.Enum([...LAYER_STATES], {
      description: 'How far the node is. evicted: it was assigned and had to go, which ends that assignment.',
    }),
    evictedAssignment: Type.Optional(time('Of an evicted layer: when the assignment was made that ended.')),
    presentBytes: bytes('Verified on disk.'),
    sizeBytes: bytes('Size of the layer file.'),
    fromOriginBytes: bytes('Received from the origin.'),
    fromPeersBytes: bytes('Received from other nodes.'),
    uploadedBytes: bytes('Sent to other nodes.'),
    peers: count('Peers connected for this layer.'),
    error: nullable(ErrorBody),
    isPinned: Type.Optional(
      Type.Boolean({ description: 'Whether something on the node keeps it from being evicted; false when absent.' }),
    ),
    arrivals: Type.Optional(LayerArrivals),
    map: Type.Optional(
      Type.String({
        pattern: '^[0-9a-f]*$',
        maxLength: MAX_MAP_STRETCHES,
        description:
          'Of a layer that is fetched: which part of each of so many stretches of it is here, 0 nothing to f all of it.',
      }),
    ),
  },
  { description: 'What a node holds of one layer.' },
)
export type LayerInventory = Static<typeof LayerInventory>

export const Inventory = Type.Object(
  {
    layers: Type.Array(LayerInventory, {
      maxItems: MAX_NODE_LAYERS,
      description: 'Every layer the node holds or wants.',
    }),
    diskFreeBytes: bytes('Free on the file system of the layers.'),
    diskUsedBytes: bytes('Used by layers.'),
    downBytesPerSecond: rate('Present rate of receiving.'),
    upBytesPerSecond: rate('Present rate of sending.'),
    load1: Type.Number({ minimum: 0, description: 'Load average over one minute.' }),
    limits: Type.Optional(ToldLimits),
    boots: Type.Optional(
      Type.Array(BootGlance, { maxItems: MAX_TOLD_BOOTS, description: 'Disks that it serves, the newest first.' }),
    ),
    flows: Type.Optional(
      Type.Array(Flow, { maxItems: MAX_FLOWS, description: 'What arrives from where just now, the most at first.' }),
    ),
    samples: Type.Optional(
      Type.Array(ArrivalSample, {
        maxItems: MAX_SAMPLES,
        description: 'Some of the pieces that came since the heartbeat before.',
      }),
    ),
  },
  { description: 'What a node holds, how busy it is and the limits it keeps.' },
)
export type Inventory = Static<typeof Inventory>

const setDigest = (description: string) => Type.String({ pattern: '^[0-9a-f]{32}$', maxLength: 32, description })

export const InventoryReport = Type.Object(
  {
    sequence: count('Grows with each heartbeat of a node: one that is overtaken by a later one changes nothing.'),
    digest: setDigest('Of all that the node holds, with the changes (docs/formats/heartbeat.md).'),
    gone: Type.Optional(
      Type.Array(digest('A layer.'), {
        maxItems: MAX_NODE_LAYERS,
        description:
          'Layers that the node neither holds nor wants any more. When present, `layers` of the inventory has only those that changed.',
      }),
    ),
  },
  { additionalProperties: false, description: 'How a heartbeat tells of layers; absent: all of them, as they are.' },
)
export type InventoryReport = Static<typeof InventoryReport>

export const ReportedInventory = Type.Object(
  {
    sequence: count('Of the last heartbeat whose layers were taken in; 0 when none was since the seed started.'),
    digest: nullable(setDigest('Of what the seed knows of the node; null when it knows nothing.')),
  },
  {
    description: 'What the seed knows of the layers of a node: where that is not what the node has told, it tells all.',
  },
)
export type ReportedInventory = Static<typeof ReportedInventory>

export const NodeEvent = Type.Object(
  {
    at: time('When it happened.'),
    type: Type.String({
      pattern: '^[a-z][a-z-]*\\.[a-z][a-z-]*$',
      maxLength: 60,
      description: 'peer.banned, layer.failed...',
    }),
    layer: Type.Optional(digest('The layer it is about.')),
    message: text('What happened, for people.'),
    details: Type.Record(
      Type.String({ maxLength: 100 }),
      Type.Union([Type.String({ maxLength: 2000 }), Type.Number(), Type.Boolean()]),
      { maxProperties: 30, description: 'The facts behind the message.' },
    ),
  },
  { description: 'Something that happened on a node.' },
)
export type NodeEvent = Static<typeof NodeEvent>

export const LayerUses = Type.Object(
  { layer: digest('The layer.'), uses: Type.Integer({ minimum: 1, maximum: 1_000_000, description: 'How often.' }) },
  { description: 'How often a layer was used on a node: a machine was started from it, a disk composed.' },
)
export type LayerUses = Static<typeof LayerUses>

export const Heartbeat = Type.Object(
  {
    inventory: Inventory,
    report: Type.Optional(InventoryReport),
    wantsFacts: Type.Optional(
      Type.Boolean({ description: 'Answer with what is known of all layers, not of those alone that are told of.' }),
    ),
    events: Type.Array(NodeEvent, {
      maxItems: MAX_HEARTBEAT_EVENTS,
      description: 'What happened since the last heartbeat that was acknowledged.',
    }),
    uses: Type.Optional(
      Type.Array(LayerUses, {
        maxItems: MAX_NODE_LAYERS,
        description: 'Layers that were used since the last heartbeat that was acknowledged.',
      }),
    ),
  },
  { additionalProperties: false, description: 'Sent by every node at the interval it was told.' },
)
export type Heartbeat = Static<typeof Heartbeat>

export const Revision = Type.Object(
  { revision: count("Grows with every change of the node's desired state.") },
  { description: "The revision of a node's desired state." },
)
export type Revision = Static<typeof Revision>

export const Replicas = Type.Object(
  {
    rack: count('Other nodes of the same rack that hold all of it.'),
    zone: count('Of the same zone, in other racks.'),
    elsewhere: count('Of other zones.'),
  },
  { description: 'Where else a layer is; the seed is not counted.' },
)
export type Replicas = Static<typeof Replicas>

export const LayerFacts = Type.Object(
  {
    layer: digest('The layer.'),
    useShare: Type.Number({
      minimum: 0,
      maximum: 1,
      description: 'Its part of all uses of layers in the fleet, recent ones counting more.',
    }),
    replicas: Replicas,
    bootBytes: bytes(
      'What a boot reads of it, at the beginning of its file or where a boot profile says; 0 when that is not known.',
    ),
    bootProfile: Type.Optional(LayerBootProfile),
  },
  { description: 'What the seed knows of a layer that a node holds, for its cache.' },
)
export type LayerFacts = Static<typeof LayerFacts>

export const HeartbeatAnswer = Type.Object(
  {
    ...Revision.properties,
    layers: Type.Optional(
      Type.Array(LayerFacts, { maxItems: MAX_NODE_LAYERS, description: 'Of the layers that the node has told of.' }),
    ),
    reported: Type.Optional(ReportedInventory),
    revocations: Type.Optional(count('Revision of the revocation list, where nodes have certificates.')),
  },
  { description: "The revision of a node's desired state, and what its cache goes by." },
)
export type HeartbeatAnswer = Static<typeof HeartbeatAnswer>

export const Node = Type.Object(
  {
    id: nodeId('Name of the node.'),
    ...registration,
    state: Type.Enum(['ready', 'unreachable', 'lost'], {
      description:
        'ready: heartbeats arrive and the swarm address answers; unreachable: it does not; lost: no heartbeats.',
    }),
    mode: NodeModeStatus,
    lastSeenAt: time('Last heartbeat or registration.'),
    reachability: text('What the seed found when it tried to connect.'),
    inventory: nullable(Inventory),
  },
  { description: 'A compute node as the seed knows it; inventory is null until the first heartbeat.' },
)
export type Node = Static<typeof Node>
