import { Type } from 'typebox'
import { Arrivals } from './arrival.ts'
import { digest, nodeId } from './field.ts'
import type { Operation } from './operation.ts'
import { DashboardFrame, LayerSpread, Overview } from './overview.ts'
import { strict } from './page-fields.ts'
import { Session, SignIn, SignInWays } from './session.ts'

/** What dashboards ask for beside what everybody does. */
export const dashboardOperations = {
  overview: {
    id: 'overview',
    method: 'GET',
    path: '/v1/overview',
    role: 'reader',
    tag: 'status',
    summary: 'Shows the swarm at a glance: whether it is well, and if not, why.',
    response: Overview,
  },
  streamDashboard: {
    id: 'streamDashboard',
    method: 'GET',
    path: '/v1/dashboard/stream',
    role: 'reader',
    tag: 'status',
    summary:
      'Streams everything a dashboard shows: all of it at first, then what changes, once a second; goes on after the id in Last-Event-ID.',
    response: DashboardFrame,
    contentType: 'text/event-stream',
  },
  showSpread: {
    id: 'showSpread',
    method: 'GET',
    path: '/v1/layers/{layer}/spread',
    role: 'reader',
    tag: 'layers',
    summary: 'Shows where a layer is: which part of it on which node, and how it came to each rack.',
    params: Type.Object({ layer: digest('Digest of a layer.') }, strict),
    response: LayerSpread,
  },
  listArrivals: {
    id: 'listArrivals',
    method: 'GET',
    path: '/v1/arrivals',
    role: 'reader',
    tag: 'layers',
    summary: 'Shows why blocks came from where they came from: sums of the nodes, and some pieces that came lately.',
    query: Type.Object(
      {
        node: Type.Optional(nodeId('Only what came to this node.')),
        layer: Type.Optional(digest('Only what came of this layer.')),
      },
      strict,
    ),
    response: Arrivals,
  },
  signIn: {
    id: 'signIn',
    method: 'POST',
    path: '/v1/session',
    role: 'public',
    tag: 'session',
    summary:
      'Signs a browser in: a token, or the password of a user of the cloud, is answered with a cookie that scripts cannot read.',
    body: SignIn,
    response: Session,
  },
  showSignIn: {
    id: 'showSignIn',
    method: 'GET',
    path: '/v1/sign-in',
    role: 'public',
    tag: 'session',
    summary: 'Says how a browser can sign in.',
    response: SignInWays,
  },
  showSession: {
    id: 'showSession',
    method: 'GET',
    path: '/v1/session',
    role: 'reader',
    tag: 'session',
    summary: 'Says who the caller is.',
    response: Session,
  },
  signOut: {
    id: 'signOut',
    method: 'DELETE',
    path: '/v1/session',
    role: 'public',
    tag: 'session',
    summary: 'Signs a browser out: its session ends and its cookie is taken back.',
    status: 204,
  },
} as const satisfies Record<string, Operation>
