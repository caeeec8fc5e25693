import { Type } from 'typebox'
import { accessOperations } from './access-operations.ts'
import { actorFilter } from './actor.ts'
import { Assignment, AssignRequest, AssignResult, UnassignRequest, UnassignResult } from './assignment.ts'
import { bootOperations } from './boot-operations.ts'
import { cacheOperations } from './cache-operations.ts'
import { ComposeRequest, Composition, compositionName, MAX_COMPOSITIONS } from './composition.ts'
import { dashboardOperations } from './dashboard-operations.ts'
import { Event } from './event.ts'
import { count, digest, nodeId } from './field.ts'
import { imageOperations } from './image-operations.ts'
import { Layer, Verification } from './layer.ts'
import { LimitsChange, LimitsStatus } from './limits.ts'
import { LimitsSchedule, LimitsScheduleStatus } from './limits-schedule.ts'
import { nodeOperations } from './node-operations.ts'
import { MAX_NOVA_BASES, NovaBase } from './nova-base.ts'
import type { Operation } from './operation.ts'
import { after, limit, next, strict } from './page-fields.ts'
import { placementOperations } from './placement-operations.ts'
import { prefetchOperations } from './prefetch-operations.ts'
import { PeerStatus, SeedStatus } from './status.ts'
import { trustOperations } from './trust-operations.ts'

const afterEvent = Type.Optional(count('Only events with a higher id.'))

const layerParams = Type.Object({ layer: digest('Digest of a layer.') }, strict)
const compositionParams = Type.Object({ name: compositionName('Name of a composition.') }, strict)

/** The HTTP API, version 1: the one table that servers, client and reference are made from. */
export const operations = {
  ...imageOperations,
  listLayers: {
    id: 'listLayers',
    method: 'GET',
    path: '/v1/layers',
    role: 'reader',
    tag: 'layers',
    summary: 'Lists the layers.',
    query: Type.Object({ limit, after }, strict),
    response: Type.Object({ layers: Type.Array(Layer), next }),
  },
  showLayer: {
    id: 'showLayer',
    method: 'GET',
    path: '/v1/layers/{layer}',
    role: 'reader',
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
  getGrant: {
    id: 'getGrant',
    method: 'GET',
    path: '/v1/layers/{layer}/grant',
    role: 'node',
    tag: 'layers',
    summary:
      'Gives the node that asks a grant of a layer that it is assigned, as docs/formats/swarm-authentication.md describes it.',
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
  ...nodeOperations,
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
    role: 'reader',
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
  ...prefetchOperations,
  ...placementOperations,
  ...dashboardOperations,
  ...accessOperations,
  ...trustOperations,
  listEvents: {
    id: 'listEvents',
    method: 'GET',
    path: '/v1/events',
    role: 'reader',
    tag: 'events',
    summary: 'Lists events in order, the oldest first.',
    query: Type.Object({ after: afterEvent, limit, actor: actorFilter }, strict),
    response: Type.Object({ events: Type.Array(Event) }),
  },
  streamEvents: {
    id: 'streamEvents',
    method: 'GET',
    path: '/v1/events/stream',
    role: 'reader',
    tag: 'events',
    summary: 'Streams events as they happen; reads on after the id in Last-Event-ID or `after`.',
    query: Type.Object({ after: afterEvent, actor: actorFilter }, strict),
    response: Event,
    contentType: 'text/event-stream',
  },
  showLimits: {
    id: 'showLimits',
    method: 'GET',
    path: '/v1/limits',
    role: 'reader',
    tag: 'limits',
    summary: 'Shows the limits on payload.',
    response: LimitsStatus,
  },
  setLimits: {
    id: 'setLimits',
    method: 'PUT',
    path: '/v1/limits',
    role: 'admin',
    tag: 'limits',
    summary:
      'Sets limits on payload: of the seed at once, of the nodes as soon as they are told. They survive a restart.',
    body: LimitsChange,
    response: LimitsStatus,
  },
  showLimitsSchedule: {
    id: 'showLimitsSchedule',
    method: 'GET',
    path: '/v1/limits/schedule',
    role: 'reader',
    tag: 'limits',
    summary: 'Shows the schedule of the limits.',
    response: LimitsScheduleStatus,
  },
  setLimitsSchedule: {
    id: 'setLimitsSchedule',
    method: 'PUT',
    path: '/v1/limits/schedule',
    role: 'admin',
    tag: 'limits',
    summary:
      'Sets the whole schedule of the limits: windows of the day in which others hold than are configured. It survives a restart.',
    body: LimitsSchedule,
    response: LimitsScheduleStatus,
  },
  status: {
    id: 'status',
    method: 'GET',
    path: '/v1/status',
    role: 'reader',
    tag: 'status',
    summary: 'Shows the seed at a glance.',
    response: SeedStatus,
  },
  localStatus: {
    id: 'localStatus',
    method: 'GET',
    path: '/v1/local',
    role: 'reader',
    tag: 'status',
    summary: 'Shows a peer daemon at a glance; served by the peer itself.',
    response: PeerStatus,
  },
  ...bootOperations,
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
    role: 'reader',
    tag: 'compositions',
    summary: 'Lists the compositions of a node, the oldest first; served by its peer.',
    response: Type.Object({
      compositions: Type.Array(Composition, { maxItems: MAX_COMPOSITIONS, description: 'All of them.' }),
    }),
  },
  listNovaBases: {
    id: 'listNovaBases',
    method: 'GET',
    path: '/v1/nova-bases',
    role: 'reader',
    tag: 'compositions',
    summary: "Lists what a node keeps in Nova's image cache; served by its peer.",
    response: Type.Object({
      isEnabled: Type.Boolean({ description: 'Whether it looks after that cache at all.' }),
      bases: Type.Array(NovaBase, { maxItems: MAX_NOVA_BASES, description: 'All of them.' }),
    }),
  },
  showComposition: {
    id: 'showComposition',
    method: 'GET',
    path: '/v1/compositions/{name}',
    role: 'reader',
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
  ...cacheOperations,
} as const satisfies Record<string, Operation>

export type Operations = typeof operations
export type OperationId = keyof Operations
