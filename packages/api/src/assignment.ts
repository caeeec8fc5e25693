import { type Static, Type } from 'typebox'
import {
  address,
  bytes,
  count,
  digest,
  hex20,
  imageId,
  nodeId,
  nullable,
  place,
  priority,
  rate,
  text,
  time,
} from './field.ts'
import { ToldLimits } from './limits.ts'
import { MAX_QUARANTINED_NODES, RefusedNode, ToldNodeMode } from './node-mode.ts'
import { ToldTrust } from './trust.ts'

/** The most nodes one request may name. */
export const MAX_NODES_A_REQUEST = 10_000

export const DEFAULT_PRIORITY = 50

export const Assignment = Type.Object(
  {
    node: nodeId('Where the layer is wanted.'),
    layer: digest('The layer that is wanted.'),
    priority: priority('Order among the assignments of a node.'),
    createdAt: time('When it was assigned.'),
    pinnedUntil: nullable(time('Until when it is not evicted; null: it is kept as long as it is worth it.')),
    owners: Type.Optional(
      Type.Array(text('Who wants it.', 100), {
        maxItems: 1000,
        description: 'Who wants it: operator, and plans by their names.',
      }),
    ),
  },
  { description: 'One layer wanted on one node.' },
)
export type Assignment = Static<typeof Assignment>

const nodes = Type.Array(nodeId('Name of a node.'), {
  minItems: 1,
  maxItems: MAX_NODES_A_REQUEST,
  description: 'Nodes by name.',
})

export const AssignRequest = Type.Object(
  {
    layer: digest('The layer to assign.'),
    nodes: Type.Optional(nodes),
    all: Type.Optional(Type.Literal(true, { description: 'Every registered node.' })),
    zone: Type.Optional(place('Only nodes of this zone.')),
    rack: Type.Optional(place('Only nodes of this rack.')),
    priority: Type.Optional(priority(`Order among the assignments of a node; ${DEFAULT_PRIORITY} when absent.`)),
    pinnedUntil: Type.Optional(time('Until when it is not evicted; absent: it is kept as long as it is worth it.')),
  },
  {
    additionalProperties: false,
    description:
      'Which layer on which nodes: give nodes, all, zone or rack; zone and rack narrow what nodes and all select.',
  },
)
export type AssignRequest = Static<typeof AssignRequest>

export const AssignResult = Type.Object(
  {
    assigned: Type.Array(nodeId('Name of a node.'), { description: 'Nodes the layer is now assigned to.' }),
    unknown: Type.Array(nodeId('Name of a node.'), { description: 'Nodes that were named but are not registered.' }),
    inactive: Type.Optional(
      Type.Array(nodeId('Name of a node.'), {
        description: 'Nodes that were selected and passed over, since they drain or are in quarantine.',
      }),
    ),
  },
  { description: 'What came of an assignment.' },
)
export type AssignResult = Static<typeof AssignResult>

export const UnassignRequest = Type.Object(
  { layer: digest('The layer to take back.'), nodes: Type.Optional(nodes) },
  { additionalProperties: false, description: 'Which layer to take back, from the named nodes or from all.' },
)
export type UnassignRequest = Static<typeof UnassignRequest>

export const UnassignResult = Type.Object(
  { removed: count('Assignments that were removed.') },
  { description: 'What came of an unassignment.' },
)
export type UnassignResult = Static<typeof UnassignResult>

/** The boot profile by which a layer is fetched, and kept in part. */
export const LayerBootProfile = Type.Object(
  { image: imageId('The image.'), revision: count('Of its profile: another one is fetched anew.') },
  { description: 'The image whose boot profile says what a boot reads, where the file is not laid out for it.' },
)
export type LayerBootProfile = Static<typeof LayerBootProfile>

export const DesiredAssignment = Type.Object(
  {
    layer: digest('The layer that is wanted.'),
    priority: priority('Order among the assignments.'),
    sizeBytes: bytes('Size of the layer file.'),
    infoHash: hex20('BitTorrent v1 info hash.'),
    peers: Type.Array(address('A swarm address.'), {
      maxItems: 20,
      description: 'Nodes that hold some of it; the origin is not among them.',
    }),
    assignedAt: Type.Optional(time('When it was assigned: one that was evicted is fetched again for a later one.')),
    pinnedUntil: Type.Optional(nullable(time('Until when it is not evicted; null: as long as it is worth it.'))),
    wave: Type.Optional(count('Order among assignments of equal priority, the lowest first; 0 when absent.')),
    weight: Type.Optional(
      Type.Integer({
        minimum: 1,
        maximum: 100,
        description: 'Share among those that are equal in both; 10 when absent.',
      }),
    ),
    limitBytesPerSecond: Type.Optional(
      nullable(rate('The most it may receive of this layer; 0: nothing now, what is there stays; null: no limit.')),
    ),
    bootBytes: Type.Optional(bytes('At the beginning of the file, what a boot reads: it is fetched first.')),
    bootProfile: Type.Optional(LayerBootProfile),
  },
  { description: 'One layer a node should hold.' },
)
export type DesiredAssignment = Static<typeof DesiredAssignment>

export const DesiredImage = Type.Object(
  {
    image: imageId('The image.'),
    layers: Type.Array(digest('A topmost layer.'), {
      minItems: 1,
      maxItems: 2,
      description: 'Layers that show its disk, each with what is below it: any of them does, the first is the best.',
    }),
  },
  { description: 'An image that a node should be able to start at once, because its layers are assigned.' },
)
export type DesiredImage = Static<typeof DesiredImage>

export const DesiredState = Type.Object(
  {
    revision: count('Grows with every change.'),
    assignments: Type.Array(DesiredAssignment, { maxItems: 4096, description: 'Every layer the node should hold.' }),
    revoked: Type.Array(digest('A layer.'), {
      maxItems: 10_000,
      description: 'Layers that were withdrawn: the node must stop serving and remove them.',
    }),
    dropped: Type.Optional(
      Type.Array(digest('A layer.'), {
        maxItems: 4096,
        description: 'Layers that nobody wants here any more: to be removed, unless something on the node keeps them.',
      }),
    ),
    limits: Type.Optional(ToldLimits),
    mode: Type.Optional(ToldNodeMode),
    refused: Type.Optional(
      Type.Array(RefusedNode, {
        maxItems: MAX_QUARANTINED_NODES,
        description: 'Other nodes that are in quarantine. Absent: none.',
      }),
    ),
    trust: Type.Optional(ToldTrust),
    images: Type.Optional(
      Type.Array(DesiredImage, {
        maxItems: 4096,
        description: 'Images that operators and plans want here, for nodes that prepare disks of them.',
      }),
    ),
  },
  {
    description: 'Everything a node should hold now, and its limits (none when absent); it reconciles towards this.',
  },
)
export type DesiredState = Static<typeof DesiredState>
