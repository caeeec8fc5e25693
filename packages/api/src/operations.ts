import { Type } from 'typebox'
import { Assignment, AssignRequest, AssignResult, DesiredState, UnassignRequest, UnassignResult } from './assignment.ts'
import { ComposeRequest, Composition, compositionName, MAX_COMPOSITIONS } from './composition.ts'
import { Event } from './event.ts'
import { count, digest, imageId, nodeId, nullable } from './field.ts'
import { Image } from './image.ts'
import { Inspection } from './inspection.ts'
import { Layer, Verification } from './layer.ts'
import { LayeringRequest } from './layering.ts'
import { LimitsChange, LimitsStatus } from './limits.ts'
import { Enrollment, Heartbeat, Node, NodeRegistration, Revision } from './node.ts'
import type { Operation } from './operation.ts'
import { PeerStatus, SeedStatus } from './status.ts'

/** Entries of a page when `limit` is absent, and the most one page may have. */
export const PAGE_LIMIT = { default: 100, max: 1000 } as const

const limit = Type.Optional(
  Type.Integer({
    minimum: 1,
    maximum: PAGE_LIMIT.max,
    description: `Entries a page; ${PAGE_LIMIT.default} when absent.`,
  }),
)
const after = Type.Optional(
  Type.String({ maxLength: 1000, description: 'Where to read on: `next` of the page before.' }),
)
const next = nullable(
  Type.String({ maxLength: 1000, description: '`after` of the next page; null when this is the last.' }),
)
const afterEvent = Type.Optional(count('Only events with a higher id.'))

const strict = { additionalProperties: false } as const
const imageParams = Type.Object({ image: imageId('Glance id.') }, strict)
const layerParams = Type.Object({ layer: digest('Digest of a layer.') }, strict)
const nodeParams = Type.Object({ node: nodeId('Name of a node.') }, strict)
const compositionParams = Type.Object({ name: compositionName('Name of a composition.') }, strict)

/** The HTTP API, version 1: the one table that servers, client and reference are made from. */
export const operations = {
  listImages: {
    id: 'listImages',
    method: 'GET',
    path: '/v1/images',
    role: 'operator',
    tag: 'images',
    summary: 'Lists the images of the library and what became of them.',
    query: Type.Object(
      {
        limit,
        after,
        status: Type.Optional(
          Type.String({ maxLength: 40, description: 'Only images with this status in the library.' }),
        ),
      },
      strict,
    ),
    response: Type.Object({ images: Type.Array(Image), next }),
  },
  showImage: {
    id: 'showImage',
    method: 'GET',
    path: '/v1/images/{image}',
    role: 'operator',
    tag: 'images',
    summary: 'Shows one image.',
    params: imageParams,
    response: Image,
  },
  showInspection: {
    id: 'showInspection',
    method: 'GET',
    path: '/v1/images/{image}/inspection',
    role: 'operator',
    tag: 'images',
    summary: 'Shows every check that the bytes of an image went through when it was imported, and what it found.',
    params: imageParams,
    response: Inspection,
  },
  importImage: {
    id: 'importImage',
    method: 'POST',
    path: '/v1/images/{image}/import',
    role: 'operator',
    tag: 'images',
    summary: 'Asks for an image to be imported; asking again joins the import that runs.',
    params: imageParams,
    response: Image,
    status: 202,
  },
  cancelImport: {
    id: 'cancelImport',
    method: 'DELETE',
    path: '/v1/images/{image}/import',
    role: 'operator',
    tag: 'images',
    summary: 'Cancels the import of an image; nothing half-published stays.',
    params: imageParams,
    response: Image,
  },
  publishLayers: {
    id: 'publishLayers',
    method: 'POST',
    path: '/v1/images/{image}/layers',
    role: 'operator',
    tag: 'images',
    summary: 'Makes base and middle of a flat image that is imported; asking again joins the one that runs.',
    params: imageParams,
    body: LayeringRequest,
    response: Image,
    status: 202,
  },
  cancelLayering: {
    id: 'cancelLayering',
    method: 'DELETE',
    path: '/v1/images/{image}/layers',
    role: 'operator',
    tag: 'images',
    summary: 'Cancels the making of layers; the image stays as it is.',
    params: imageParams,
    response: Image,
  },
  listLayers: {
    id: 'listLayers',
    method: 'GET',
    path: '/v1/layers',
    role: 'operator',
    tag: 'layers',
    summary: 'Lists the layers.',
    query: Type.Object({ limit, after }, strict),
    response: Type.Object({ layers: Type.Array(Layer), next }),
  },
  showLayer: {
    id: 'showLayer',
    method: 'GET',
    path: '/v1/layers/{layer}',
    role: 'operator',
    tag: 'layers',
    summary: 'Shows one layer.',
    params: layerParams,
    response: Layer,
  },
  getManifest: {
    id: 'getManifest',
    method: 'GET',
    path: '/v1/layers/{layer}/manifest',
    role: 'node',
    tag: 'layers',
    summary: "Gives a layer's signed manifest, as docs/formats/manifest.md describes it.",
    params: layerParams,
    contentType: 'application/octet-stream',
  },
  getTorrent: {
    id: 'getTorrent',
    method: 'GET',
    path: '/v1/layers/{layer}/torrent',
    role: 'node',
    tag: 'layers',
    summary: "Gives a layer's torrent (BEP 3).",
    params: layerParams,
    contentType: 'application/octet-stream',
  },
  verifyLayer: {
    id: 'verifyLayer',
    method: 'POST',
    path: '/v1/layers/{layer}/verify',
    role: 'operator',
    tag: 'layers',
    summary: 'Reads a layer back from the disk of the answering service and checks every block.',
    params: layerParams,
    response: Verification,
  },
  registerNode: {
    id: 'registerNode',
    method: 'PUT',
    path: '/v1/nodes/{node}',
    role: 'node',
    tag: 'nodes',
    summary: 'Registers a node, or says anew what it is.',
    params: nodeParams,
    body: NodeRegistration,
    response: Enrollment,
  },
  heartbeat: {
    id: 'heartbeat',
    method: 'POST',
    path: '/v1/nodes/{node}/heartbeat',
    role: 'node',
    tag: 'nodes',
    summary: 'Reports what a node holds; the answer tells whether its desired state has changed.',
    params: nodeParams,
    body: Heartbeat,
    response: Revision,
  },
  desiredState: {
    id: 'desiredState',
    method: 'GET',
    path: '/v1/nodes/{node}/desired-state',
    role: 'node',
    tag: 'nodes',
    summary: 'Gives everything a node should hold now.',
    params: nodeParams,
    response: DesiredState,
  },
  watchDesired: {
    id: 'watchDesired',
    method: 'GET',
    path: '/v1/nodes/{node}/desired-state/watch',
    role: 'node',
    tag: 'nodes',
    summary: 'Streams a desired-state event with the revision, at once and after every change.',
    params: nodeParams,
    response: Revision,
    contentType: 'text/event-stream',
  },
  listNodes: {
    id: 'listNodes',
    method: 'GET',
    path: '/v1/nodes',
    role: 'operator',
    tag: 'nodes',
    summary: 'Lists the nodes.',
    query: Type.Object({ limit, after }, strict),
    response: Type.Object({ nodes: Type.Array(Node), next }),
  },
  showNode: {
    id: 'showNode',
    method: 'GET',
    path: '/v1/nodes/{node}',
    role: 'operator',
    tag: 'nodes',
    summary: 'Shows one node.',
    params: nodeParams,
    response: Node,
  },
  removeNode: {
    id: 'removeNode',
    method: 'DELETE',
    path: '/v1/nodes/{node}',
    role: 'operator',
    tag: 'nodes',
    summary: 'Forgets a node and its assignments.',
    params: nodeParams,
    status: 204,
  },
  assign: {
    id: 'assign',
    method: 'PUT',
    path: '/v1/assignments',
    role: 'operator',
    tag: 'assignments',
    summary: 'Assigns a layer to nodes; assigning again changes the priority.',
    body: AssignRequest,
    response: AssignResult,
  },
  listAssignments: {
    id: 'listAssignments',
    method: 'GET',
    path: '/v1/assignments',
    role: 'operator',
    tag: 'assignments',
    summary: 'Lists assignments.',
    query: Type.Object(
      {
        layer: Type.Optional(digest('Only of this layer.')),
        node: Type.Optional(nodeId('Only of this node.')),
        limit,
        after,
      },
      strict,
    ),
    response: Type.Object({ assignments: Type.Array(Assignment), next }),
  },
  unassign: {
    id: 'unassign',
    method: 'DELETE',
    path: '/v1/assignments',
    role: 'operator',
    tag: 'assignments',
    summary: 'Takes a layer back from nodes.',
    body: UnassignRequest,
    response: UnassignResult,
  },
  listEvents: {
    id: 'listEvents',
    method: 'GET',
    path: '/v1/events',
    role: 'operator',
    tag: 'events',
    summary: 'Lists events in order, the oldest first.',
    query: Type.Object({ after: afterEvent, limit }, strict),
    response: Type.Object({ events: Type.Array(Event) }),
  },
  streamEvents: {
    id: 'streamEvents',
    method: 'GET',
    path: '/v1/events/stream',
    role: 'operator',
    tag: 'events',
    summary: 'Streams events as they happen; reads on after the id in Last-Event-ID or `after`.',
    query: Type.Object({ after: afterEvent }, strict),
    response: Event,
    contentType: 'text/event-stream',
  },
  showLimits: {
    id: 'showLimits',
    method: 'GET',
    path: '/v1/limits',
    role: 'operator',
    tag: 'limits',
    summary: 'Shows the limits on payload.',
    response: LimitsStatus,
  },
  setLimits: {
    id: 'setLimits',
    method: 'PUT',
    path: '/v1/limits',
    role: 'operator',
    tag: 'limits',
    summary:
      'Sets limits on payload: of the seed at once, of the nodes as soon as they are told. They survive a restart.',
    body: LimitsChange,
    response: LimitsStatus,
  },
  status: {
    id: 'status',
    method: 'GET',
    path: '/v1/status',
    role: 'operator',
    tag: 'status',
    summary: 'Shows the seed at a glance.',
    response: SeedStatus,
  },
  localStatus: {
    id: 'localStatus',
    method: 'GET',
    path: '/v1/local',
    role: 'operator',
    tag: 'status',
    summary: 'Shows a peer daemon at a glance; served by the peer itself.',
    response: PeerStatus,
  },
  compose: {
    id: 'compose',
    method: 'PUT',
    path: '/v1/compositions/{name}',
    role: 'operator',
    tag: 'compositions',
    summary:
      'Composes a disk from the layers of a node, served by its peer; asking again for the same changes nothing.',
    params: compositionParams,
    body: ComposeRequest,
    response: Composition,
    status: 202,
  },
  listCompositions: {
    id: 'listCompositions',
    method: 'GET',
    path: '/v1/compositions',
    role: 'operator',
    tag: 'compositions',
    summary: 'Lists the compositions of a node, the oldest first; served by its peer.',
    response: Type.Object({
      compositions: Type.Array(Composition, { maxItems: MAX_COMPOSITIONS, description: 'All of them.' }),
    }),
  },
  showComposition: {
    id: 'showComposition',
    method: 'GET',
    path: '/v1/compositions/{name}',
    role: 'operator',
    tag: 'compositions',
    summary: 'Shows one composition; served by the peer.',
    params: compositionParams,
    response: Composition,
  },
  removeComposition: {
    id: 'removeComposition',
    method: 'DELETE',
    path: '/v1/compositions/{name}',
    role: 'operator',
    tag: 'compositions',
    summary:
      'Cancels a composition that is not done, or removes one that has ended, with its files; served by the peer.',
    params: compositionParams,
    status: 204,
  },
} as const satisfies Record<string, Operation>

export type Operations = typeof operations
export type OperationId = keyof Operations
