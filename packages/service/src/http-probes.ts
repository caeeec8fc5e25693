import type { FastifyInstance } from 'fastify'
import type { Health } from './health.ts'
import type { Metrics } from './metrics.ts'

/** Paths that monitoring asks for every few seconds: they are not logged. */
export const PROBE_PATHS: ReadonlySet<string> = new Set(['/healthz', '/readyz', '/metrics'])

/** Serves liveness and readiness to anyone, and metrics to services. */
export function registerProbes(
  app: FastifyInstance,
  deps: { health: Health; metrics: Metrics },
  options: { name: string; version: string },
): void {
  const hidden = { schema: { hide: true } }
  app.get('/healthz', { ...hidden, config: { role: 'public', operation: 'healthz' } }, async () => ({
    status: 'ok',
    name: options.name,
    version: options.version,
  }))
  app.get('/readyz', { ...hidden, config: { role: 'public', operation: 'readyz' } }, async (_request, reply) => {
    const report = await deps.health.report()
    reply.status(report.ready ? 200 : 503)
    // Messages may name addresses and paths; codes do not, and this path is open to anyone.
    const { ready, checks, notes } = report
    return { ready, checks: checks.map(({ name, ok, code }) => ({ name, ok, code })), notes }
  })
  app.get('/metrics', { ...hidden, config: { role: 'service', operation: 'metrics' } }, async (_request, reply) => {
    reply.type(deps.metrics.contentType)
    return deps.metrics.text()
  })
}
