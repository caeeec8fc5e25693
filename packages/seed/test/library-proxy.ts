import { once } from 'node:events'
import { createServer, get, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Transform } from 'node:stream'

/** An image record in Glance's own field names. */
export type RawImage = Record<string, unknown> & { id: string }

/** A request for image data as the library saw it. */
export interface DataRequest {
  readonly image: string
  readonly range: string | undefined
  sentBytes: number
}

/**
 * A real HTTP proxy before the embedded library: counts what is read, changes records and holds or cuts data, so that
 * tests can do to the library what operators and networks do.
 */
export class LibraryProxy implements AsyncDisposable {
  readonly dataRequests: DataRequest[] = []
  /** Changes a record before it is seen; `undefined` makes it a 404. */
  edit: (image: RawImage) => RawImage | undefined = (image) => image
  /** Whether who sends this `X-Auth-Token` may have data; the seed sends none. */
  admits: (token: string | undefined) => boolean = () => true
  /** Data ends here, with the connection. Bytes from the start of the image. */
  cutAt = Number.POSITIVE_INFINITY
  /** Where data is said to be instead, if anywhere. */
  movedTo: string | undefined
  /** Answers nothing at all while true. */
  isDown = false
  #holdAt = Number.POSITIVE_INFINITY
  #release: () => void = () => {}
  #held = Promise.resolve()
  readonly #upstream: string
  readonly #server = createServer((request, response) => {
    this.#answer(request, response).catch(() => response.destroy())
  })

  constructor(upstream: string) {
    this.#upstream = upstream
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`
  }

  get sentBytes(): number {
    return this.dataRequests.reduce((sum, { sentBytes }) => sum + sentBytes, 0)
  }

  async start(): Promise<void> {
    this.#server.listen(0, '127.0.0.1')
    await once(this.#server, 'listening')
  }

  /** Lets data through up to a byte of the image only; gives the function that lets the rest through. */
  holdAt(bytes: number): () => void {
    this.#holdAt = bytes
    this.#held = new Promise((resolve) => {
      this.#release = resolve
    })
    return () => {
      this.#holdAt = Number.POSITIVE_INFINITY
      this.#release()
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#holdAt = Number.POSITIVE_INFINITY
    this.#release()
    this.#server.closeAllConnections()
    this.#server.close()
    await once(this.#server, 'close')
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const path = request.url ?? '/'
    if (this.isDown) return void response.destroy()
    const { range, 'x-auth-token': token } = request.headers
    const isData = /^\/v2\/images\/[^/?]+\/file/.test(path)
    if (isData && this.movedTo !== undefined) return void response.writeHead(302, { location: this.movedTo }).end()
    if (isData && !this.admits(token?.toString())) return void response.writeHead(404).end()
    const upstream = get(`${this.#upstream}${path}`, { headers: range === undefined ? {} : { range } })
    const [answer] = (await once(upstream, 'response')) as [IncomingMessage]
    const image = /^\/v2\/images\/([^/?]+)\/file/.exec(path)?.[1]
    if (image !== undefined) return this.#sendData({ image, range, sentBytes: 0 }, answer, response)
    if (answer.statusCode !== 200) {
      response.writeHead(answer.statusCode ?? 500)
      answer.pipe(response)
      return
    }
    const json = JSON.parse(Buffer.concat(await answer.toArray()).toString()) as { images?: RawImage[]; id?: string }
    const edited = json.images === undefined ? this.#one(json) : { ...json, images: this.#all(json.images) }
    response.writeHead(edited === undefined ? 404 : (answer.statusCode ?? 500), { 'content-type': 'application/json' })
    response.end(JSON.stringify(edited ?? {}))
  }

  #one(json: { id?: string }): object | undefined {
    return typeof json.id === 'string' ? this.edit(json as RawImage) : json
  }

  #all(images: RawImage[]): RawImage[] {
    return images.flatMap((image) => this.edit(image) ?? [])
  }

  #sendData(entry: DataRequest, answer: IncomingMessage, response: ServerResponse): void {
    this.dataRequests.push(entry)
    const { 'content-length': _, ...headers } = answer.headers
    response.writeHead(answer.statusCode ?? 500, this.cutAt === Number.POSITIVE_INFINITY ? answer.headers : headers)
    const start = Number(/bytes=(\d+)/.exec(entry.range ?? '')?.[1] ?? 0)
    const gate = new Transform({
      transform: async (chunk: Buffer, _encoding, done) => {
        for (let offset = 0; offset < chunk.length; ) {
          const position = start + entry.sentBytes
          if (position >= this.#holdAt) await this.#held
          if (gate.destroyed) return
          if (position >= this.cutAt) return void gate.end()
          const limit = Math.min(this.#holdAt, this.cutAt) - position
          const part = chunk.subarray(offset, offset + Math.min(limit, chunk.length))
          gate.push(part)
          offset += part.length
          entry.sentBytes += part.length
        }
        done()
      },
    })
    answer.on('error', () => response.destroy())
    response.on('close', () => {
      answer.destroy()
      gate.destroy()
    })
    gate.on('error', () => response.destroy())
    answer.pipe(gate).pipe(response)
  }
}
