import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import fastifyStatic from '@fastify/static'
import type { HttpApp } from '@shoal/service'
import type { FastifyInstance, FastifyReply } from 'fastify'

/**
 * Everything comes from this service, and no script stands in a page. Styles may: the chart library sizes its parts by them, and React's
 * inline styles go through the CSSOM, which this does not concern.
 */
const CONTENT_SECURITY_POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' data:",
  "font-src 'self'",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ')

const NOT_BUILT = `The dashboard is not built here.
Build it once: npm run build -w packages/dashboard
The API is described at /docs.
`

const HEADERS = {
  'content-security-policy': CONTENT_SECURITY_POLICY,
  'referrer-policy': 'no-referrer',
  'cross-origin-opener-policy': 'same-origin',
  'permissions-policy': 'camera=(), geolocation=(), microphone=()',
}

/** Paths of the dashboard's pages: they are all the same document, whose script looks at the path. */
const PAGES = [
  '/',
  '/images',
  '/layers/*',
  '/nodes',
  '/nodes/*',
  '/prefetch',
  '/prefetch/*',
  '/boots',
  '/boots/*',
  '/events',
  '/limits',
]

/** Serves the dashboard that was built into a directory. */
export async function servePages(app: HttpApp, { directory }: { directory: string }): Promise<void> {
  const open = { config: { role: 'public', operation: 'dashboard' }, schema: { hide: true } } as const
  const page = async (reply: FastifyReply) => {
    const html = await readFile(join(directory, 'index.html'), 'utf8').catch(() => undefined)
    reply.headers({ ...HEADERS, 'cache-control': 'no-cache' })
    if (html === undefined) return reply.status(404).type('text/plain; charset=utf-8').send(NOT_BUILT)
    return reply.type('text/html; charset=utf-8').serializer(String).send(html)
  }
  for (const path of PAGES) app.get(path, open, async (_request, reply) => page(reply))
  app.addHook('onRoute', (route) => {
    if (route.url.startsWith('/assets'))
      Object.assign(route, { config: { ...route.config, ...open.config }, schema: open.schema })
  })
  await (app as unknown as FastifyInstance).register(fastifyStatic, {
    root: join(directory, 'assets'),
    prefix: '/assets/',
    decorateReply: false,
    index: false,
    // Their names carry a hash of what is in them.
    immutable: true,
    maxAge: '365d',
    setHeaders: (response) => void response.header('content-security-policy', CONTENT_SECURITY_POLICY),
  })
}
