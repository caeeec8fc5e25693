import { silentLogger } from '@shoal/core'
import { createHealth, createHttpService, createMetrics, type HttpServiceOptions } from '@shoal/service'

export const OPERATOR_TOKEN = 'operator-token'
export const NODE_TOKEN = 'node-token'

/** A service on a free loopback port, not yet started, so that a test can add routes. */
export async function buildService(options: Partial<HttpServiceOptions> = {}, logger = silentLogger) {
  const health = createHealth()
  const service = await createHttpService(
    { logger, metrics: createMetrics({ process: false }), health },
    {
      name: 'shoal-test',
      version: '1.2.3',
      host: '127.0.0.1',
      port: 0,
      tokens: { operator: OPERATOR_TOKEN, node: NODE_TOKEN },
      openapi: { title: 'Test', description: 'A test.' },
      ...options,
    },
  )
  return { service, health }
}

export const bearer = (token: string) => ({ authorization: `Bearer ${token}` })
export const asOperator = bearer(OPERATOR_TOKEN)
