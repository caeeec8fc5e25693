import { Type } from 'typebox'
import { DesiredState } from './assignment.ts'
import { nodeId } from './field.ts'
import { Enrollment, Heartbeat, HeartbeatAnswer, Node, NodeRegistration, Revision } from './node.ts'
import { NodeModeRequest, NodeModeStatus } from './node-mode.ts'
import type { Operation } from './operation.ts'
import { after, limit, next, strict } from './page-fields.ts'

const nodeParams = Type.Object({ node: nodeId('Name of a node.') }, strict)

/** Nodes: what their daemons say and ask, and what operators do with them. */
export const nodeOperations = {
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
    response: HeartbeatAnswer,
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
    role: 'reader',
    tag: 'nodes',
    summary: 'Lists the nodes.',
    query: Type.Object({ limit, after }, strict),
    response: Type.Object({ nodes: Type.Array(Node), next }),
  },
  showNode: {
    id: 'showNode',
    method: 'GET',
    path: '/v1/nodes/{node}',
    role: 'reader',
    tag: 'nodes',
    summary: 'Shows one node.',
    params: nodeParams,
    response: Node,
  },
  removeNode: {
    id: 'removeNode',
    method: 'DELETE',
    path: '/v1/nodes/{node}',
    role: 'admin',
    tag: 'nodes',
    summary: 'Forgets a node and its assignments.',
    params: nodeParams,
    status: 204,
  },
  setNodeMode: {
    id: 'setNodeMode',
    method: 'PUT',
    path: '/v1/nodes/{node}/mode',
    role: 'operator',
    tag: 'nodes',
    summary: 'Drains a node, puts it into quarantine, or lets it take part again.',
    params: nodeParams,
    body: NodeModeRequest,
    response: NodeModeStatus,
  },
} as const satisfies Record<string, Operation>
