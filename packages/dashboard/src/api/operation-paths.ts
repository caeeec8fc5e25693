/**
 * The operations that the pages use, as method and path. The table of `@shoal/api` has them too, together with all schemas and a
 * compiler for them, which pages do not need: a test compares the two.
 */
export const operationPaths = {
  showSession: 'GET /v1/session',
  showSignIn: 'GET /v1/sign-in',
  signIn: 'POST /v1/session',
  signOut: 'DELETE /v1/session',
  showNode: 'GET /v1/nodes/{node}',
  removeNode: 'DELETE /v1/nodes/{node}',
  setNodeMode: 'PUT /v1/nodes/{node}/mode',
  unassign: 'DELETE /v1/assignments',
  importImage: 'POST /v1/images/{image}/import',
  cancelImport: 'DELETE /v1/images/{image}/import',
  publishLayers: 'POST /v1/images/{image}/layers',
  listArrivals: 'GET /v1/arrivals',
  showSpread: 'GET /v1/layers/{layer}/spread',
  createPrefetch: 'POST /v1/prefetch',
  showPrefetch: 'GET /v1/prefetch/{plan}',
  listPrefetchNodes: 'GET /v1/prefetch/{plan}/nodes',
  changePrefetch: 'PATCH /v1/prefetch/{plan}',
  cancelPrefetch: 'DELETE /v1/prefetch/{plan}',
  retryPrefetch: 'POST /v1/prefetch/{plan}/retry',
  showLimits: 'GET /v1/limits',
  setLimits: 'PUT /v1/limits',
} as const

export const STREAM_PATH = '/v1/dashboard/stream'
