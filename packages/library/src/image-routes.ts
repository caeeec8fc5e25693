import { createHash, timingSafeEqual } from 'node:crypto'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { imageSchema, imagesSchema, versionsDocument } from './api-documents.ts'
import { parseByteRange } from './byte-range.ts'
import { HttpFault } from './http-fault.ts'
import type { ImageCatalogue, LibraryImage } from './image-catalogue.ts'
import { listImages } from './image-list.ts'
import { hasImageData, imageView } from './image-view.ts'

const READ_CHUNK_BYTES = 1024 * 1024
const OTHER_METHODS = ['HEAD', 'POST', 'PUT', 'PATCH', 'DELETE'] as const

export interface ImageRoutesOptions {
  readonly catalogue: ImageCatalogue
  /** Looks at the directory again before an answer depends on it. Bounded in time; never throws. */
  readonly refresh: () => Promise<void>
  readonly token: string | undefined
}

/** Adds Glance's routes, and 405 for what this read-only library does not do. */
export function addImageRoutes(app: FastifyInstance, { catalogue, refresh, token }: ImageRoutesOptions): void {
  const find = async (id: string): Promise<LibraryImage> => {
    await refresh()
    const image = catalogue.get(id)
    if (image === undefined) throw new HttpFault(404, `Failed to find image ${id}`)
    return image
  }
  const get = (
    url: string,
    access: 'public' | 'token',
    handler: (request: FastifyRequest, reply: FastifyReply) => unknown,
  ) => {
    const onRequest = async (request: FastifyRequest) => {
      if (access === 'token') checkToken(request, token)
    }
    app.route({ method: 'GET', url, onRequest, handler })
    // Refused before the body is read: an upload would otherwise fail on its content type first.
    const refuse = async (request: FastifyRequest, reply: FastifyReply) => {
      await onRequest(request)
      reply.header('Allow', 'GET')
      throw new HttpFault(405, 'The method is not allowed for this resource.')
    }
    app.route({ method: [...OTHER_METHODS], url, onRequest: refuse, handler: () => undefined })
  }

  const endpoint = (request: FastifyRequest) => `${request.protocol}://${request.host}`
  // Glance answers 300 to a client that asks for no version.
  get('/', 'public', (request, reply) => reply.code(300).send(versionsDocument(endpoint(request))))
  get('/versions', 'public', (request) => versionsDocument(endpoint(request)))
  get('/healthcheck', 'public', (_, reply) => reply.type('text/plain; charset=UTF-8').send('OK'))
  get('/v2/schemas/image', 'token', () => imageSchema)
  get('/v2/schemas/images', 'token', () => imagesSchema)
  get('/v2/images', 'token', async (request) => {
    await refresh()
    const query = new URL(request.url, 'http://library').searchParams
    return listImages(catalogue.images().map(imageView), query)
  })
  get('/v2/images/:id', 'token', async (request) => imageView(await find(idOf(request))))
  get('/v2/images/:id/file', 'token', async (request, reply) => sendFile(request, reply, await find(idOf(request))))

  async function sendFile(request: FastifyRequest, reply: FastifyReply, image: LibraryImage) {
    if (!hasImageData(image)) return reply.code(204).send()
    if (image.sidecar.status === 'deactivated') {
      throw new HttpFault(403, 'The requested image has been deactivated. Image data download is forbidden.')
    }
    const { sizeBytes } = image.identity
    const range = parseByteRange(request.headers.range, sizeBytes)
    if (range.kind === 'several') throw new HttpFault(400, 'Requests with multiple ranges are not supported in Glance.')
    if (range.kind === 'unsatisfiable') throw new HttpFault(416, 'Invalid Range header.')
    const file = await catalogue.open(image)
    // The next look at the directory says whether it is another image now or was only touched; until then it is neither.
    if (file === undefined) throw new HttpFault(503, `Image ${image.id} is being read again; try again later.`)
    const { start, end } = range.kind === 'part' ? range : { start: 0, end: sizeBytes }
    if (range.kind === 'part') {
      reply.code(206).header('Content-Range', `bytes ${start}-${end - 1}/${sizeBytes}`)
    }
    // As in Glance, Content-MD5 is the whole image's checksum in hexadecimal, for a part too.
    reply
      .type('application/octet-stream')
      .header('Content-MD5', image.md5)
      .header('Content-Length', end - start)
    if (end === start) {
      await file.close()
      return reply.send('')
    }
    const stream = file.createReadStream({ start, end: end - 1, highWaterMark: READ_CHUNK_BYTES })
    // A file cut short meanwhile must break the connection: the client would wait for the missing bytes for ever.
    stream.once('end', () => {
      if (stream.bytesRead < end - start) reply.raw.destroy()
    })
    return reply.send(stream)
  }
}

function idOf(request: FastifyRequest): string {
  return (request.params as { id: string }).id
}

function checkToken(request: FastifyRequest, token: string | undefined): void {
  if (token === undefined) return
  const given = request.headers['x-auth-token']
  // Hashing first makes both sides of one length, which the comparison in constant time needs.
  const digest = (text: string) => createHash('sha256').update(text).digest()
  if (typeof given === 'string' && timingSafeEqual(digest(given), digest(token))) return
  throw new HttpFault(401, 'This server could not verify that you are authorized to access the document you requested.')
}
