import fastifySwagger from '@fastify/swagger'
import fastifySwaggerUi from '@fastify/swagger-ui'
import type { FastifyInstance } from 'fastify'

export const DOCS_PREFIX = '/docs'

/** The page and all it loads come from this service; styles are set inline by swagger-ui, scripts are not. */
const CONTENT_SECURITY_POLICY = {
  'default-src': ["'none'"],
  'script-src': ["'self'"],
  'style-src': ["'self'", "'unsafe-inline'"],
  'img-src': ["'self'", 'data:'],
  'font-src': ["'self'"],
  'connect-src': ["'self'"],
  'base-uri': ["'none'"],
  'form-action': ["'none'"],
  'frame-ancestors': ["'none'"],
}

const LOGO = Buffer.from(
  '<svg xmlns="http://www.w3.org/2000/svg" width="120" height="40"><text x="4" y="29" font-family="sans-serif" font-size="28" fill="#fff">Shoal</text></svg>',
)

/** Serves the OpenAPI 3.1 description at /openapi.json and a readable reference at /docs; both work offline. */
export async function registerReference(
  app: FastifyInstance,
  options: { title: string; description: string; version: string },
): Promise<void> {
  await app.register(fastifySwagger, {
    convertConstToEnum: false,
    openapi: {
      openapi: '3.1.0',
      info: options,
      components: { securitySchemes: { token: { type: 'http', scheme: 'bearer' } } },
    },
  })
  app.get('/openapi.json', { schema: { hide: true }, config: { role: 'public', operation: 'openapi' } }, async () =>
    app.swagger(),
  )
  await app.register(fastifySwaggerUi, {
    routePrefix: DOCS_PREFIX,
    staticCSP: CONTENT_SECURITY_POLICY,
    theme: { title: options.title },
    logo: { type: 'image/svg+xml', content: LOGO, href: DOCS_PREFIX },
    uiConfig: { displayRequestDuration: true, persistAuthorization: false },
  })
}
