import { once } from 'node:events'
import { createServer, request as httpRequest, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Undo } from '../harness/undo.ts'

export type GlanceMood = 'well' | 'refuses' | 'slow' | 'truncates'

const DATA = /^\/v2\/images\/([^/]+)\/file$/
const SLOW_BYTES_PER_SECOND = 256 * 1024
const CUT_AFTER_BYTES = 2 * 1024 ** 2

/** Stands before a real Glance, counts the image data it gives, and spoils its answers. */
export interface FaultyGlance {
  readonly url: string
  /** Glance itself, once it runs. */
  target: string
  mood: GlanceMood
  /** Bytes of each image's data that were given. */
  readonly bytesByImage: ReadonlyMap<string, number>
  /** Downloads of each image that were begun. */
  readonly downloadsByImage: ReadonlyMap<string, number>
  readonly bytes: number
  readonly downloads: number
  /** Answers that were refused, slowed down or broken off. */
  readonly spoilt: number
}

export async function startFaultyGlance(undo: Undo, host: string): Promise<FaultyGlance> {
  const bytesByImage = new Map<string, number>()
  const downloadsByImage = new Map<string, number>()
  const state = {
    url: '',
    target: '',
    mood: 'well' as GlanceMood,
    bytes: 0,
    downloads: 0,
    spoilt: 0,
    bytesByImage,
    downloadsByImage,
  }
  const server = createServer((request, response) => {
    if (state.mood === 'refuses') {
      state.spoilt += 1
      response.writeHead(503, { 'content-type': 'text/plain' }).end('out of order\n')
      return
    }
    const path = new URL(request.url ?? '/', state.target).pathname
    const image = request.method === 'GET' ? DATA.exec(path)?.[1] : undefined
    const upstream = httpRequest(
      new URL(request.url ?? '/', state.target),
      { method: request.method ?? 'GET', headers: request.headers, agent: false },
      (answer) => {
        response.writeHead(answer.statusCode ?? 502, answer.headers)
        if (image === undefined) answer.pipe(response)
        else void give(image, answer, response)
      },
    )
    upstream.on('error', () => response.destroy())
    response.on('close', () => upstream.destroy())
    request.pipe(upstream)
  })

  async function give(image: string, answer: IncomingMessage, response: ServerResponse): Promise<void> {
    state.downloads += 1
    downloadsByImage.set(image, (downloadsByImage.get(image) ?? 0) + 1)
    let given = 0
    const closed = once(response, 'close')
    try {
      for await (const chunk of answer as AsyncIterable<Buffer>) {
        if (state.mood === 'refuses' || (state.mood === 'truncates' && given >= CUT_AFTER_BYTES)) {
          state.spoilt += 1
          response.destroy()
          return
        }
        given += chunk.length
        state.bytes += chunk.length
        bytesByImage.set(image, (bytesByImage.get(image) ?? 0) + chunk.length)
        if (!response.write(chunk)) await Promise.race([drained(response), closed])
        if (response.destroyed) return
        if (state.mood === 'slow') {
          state.spoilt += 1
          await sleep((chunk.length / SLOW_BYTES_PER_SECOND) * 1000)
        }
      }
      response.end()
    } catch {
      response.destroy()
    }
  }

  server.listen({ host, port: 0 })
  await once(server, 'listening')
  state.url = `http://${host}:${(server.address() as AddressInfo).port}`
  undo.after(async () => {
    server.closeAllConnections()
    server.close()
  })
  return state
}

function drained(response: ServerResponse): Promise<void> {
  return new Promise((resolve) => response.once('drain', resolve))
}
