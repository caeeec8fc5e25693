import type { IncomingMessage } from 'node:http'
import { type Clock, ShoalError } from '@shoal/core'
import { backOffMs } from '../back-off.ts'
import { callerHeaders } from './caller.ts'
import { gatewayError } from './errors.ts'
import type { GlanceLimit } from './glance-limit.ts'
import { type RawHeaders, values } from './hop-headers.ts'
import type { Upstream } from './upstream.ts'

const RETRY = { firstMs: 250, lastMs: 5000 }
/** What no repetition changes: of the token, or of the image. */
const REFUSALS = new Set([400, 401, 403, 404, 410, 416])

export interface GlanceBytesDeps {
  readonly upstream: Upstream
  readonly limit: GlanceLimit
  readonly clock: Clock
  readonly random: () => number
}

export interface GlanceBytesInit {
  readonly image: string
  /** Of the caller, who is asked for again with each request. */
  readonly headers: RawHeaders
  readonly sizeBytes: number
  /** Where to begin. */
  readonly offset: number
  /** An answer that begins there, when there is one already. */
  readonly answer?: IncomingMessage | undefined
  /** So long it is tried again when nothing comes; 0: it is not. Milliseconds. */
  readonly patienceMs: number
  readonly signal: AbortSignal
}

/**
 * An image's bytes from Glance, up to its end and under the limit; where a cut happened it goes on by Range. Throws
 * `SHOAL_GATEWAY_UNREACHABLE`, `SHOAL_GATEWAY_TIMEOUT`, `SHOAL_GATEWAY_REFUSED` or the signal's reason.
 */
export async function* glanceBytes(deps: GlanceBytesDeps, init: GlanceBytesInit): AsyncGenerator<Buffer> {
  const { clock, random, limit } = deps
  const { sizeBytes, signal, patienceMs } = init
  let { offset, answer } = init
  let failures = 0
  let aliveAt = clock.now()
  while (offset < sizeBytes) {
    try {
      answer ??= await ask(deps, init, offset)
      for await (const chunk of answer as AsyncIterable<Buffer>) {
        const bytes = chunk.subarray(0, sizeBytes - offset)
        await limit.take(bytes.length, signal)
        offset += bytes.length
        failures = 0
        aliveAt = clock.now()
        yield bytes
      }
      // A server that cuts a body whose length it did not tell looks as if that were all.
      if (offset < sizeBytes) throw cut(deps, `it ended at ${offset} of ${sizeBytes} bytes`)
    } catch (error) {
      signal.throwIfAborted()
      const isFinal = error instanceof ShoalError && error.code === 'SHOAL_GATEWAY_REFUSED'
      failures += 1
      if (isFinal || clock.now() - aliveAt >= patienceMs) throw error instanceof ShoalError ? error : cut(deps, error)
      await clock.sleep(backOffMs(failures, random, RETRY), { signal })
    } finally {
      answer?.destroy()
      answer = undefined
    }
  }
}

async function ask({ upstream }: GlanceBytesDeps, init: GlanceBytesInit, offset: number): Promise<IncomingMessage> {
  const { image, headers, sizeBytes, signal } = init
  const range = offset === 0 ? [] : ['Range', `bytes=${offset}-`]
  const request = { method: 'GET', path: `/v2/images/${image}/file`, signal }
  const answer = await upstream.send({ ...request, headers: [...callerHeaders(headers), ...range] })
  const { statusCode = 0, rawHeaders } = answer
  const from = /^bytes (\d+)-\d+\/(\d+|\*)$/.exec(values(rawHeaders, 'content-range').join())
  const isRight =
    offset === 0
      ? statusCode === 200
      : statusCode === 206 && Number(from?.[1]) === offset && ['*', String(sizeBytes)].includes(from?.[2] ?? '')
  if (isRight && values(rawHeaders, 'content-encoding').every((encoding) => encoding === 'identity')) return answer
  answer.destroy()
  const isRefusal = REFUSALS.has(statusCode) || statusCode < 400
  if (isRefusal) throw gatewayError('SHOAL_GATEWAY_REFUSED', { image, offset, status: statusCode })
  throw cut({ upstream }, `it answers ${statusCode}`)
}

function cut({ upstream }: Pick<GlanceBytesDeps, 'upstream'>, reason: unknown): ShoalError {
  const text = reason instanceof Error ? reason.message : String(reason)
  return gatewayError('SHOAL_GATEWAY_UNREACHABLE', { url: upstream.origin, reason: text }, reason)
}
