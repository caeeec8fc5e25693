import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { type ClientRequest, type IncomingMessage, type RequestOptions, request } from 'node:http'
import { setImmediate } from 'node:timers/promises'
import { type Clock, silentLogger, steadyClock, TransferLimits } from '@shoal/core'
import { createMemoryLayerStore } from '@shoal/layer-store'
import { createMetrics } from '@shoal/service'
import type { Undo } from '../../../../test/harness/undo.ts'
import { Downloads } from '../../src/glance/downloads.ts'
import { GlanceEndpoint } from '../../src/glance/glance-endpoint.ts'
import { GlanceLimit } from '../../src/glance/glance-limit.ts'
import { ImageAccess } from '../../src/glance/image-access.ts'
import type { HeldFile } from '../../src/glance/image-files.ts'
import { registerGatewayMetrics } from '../../src/glance/metrics.ts'
import type { PassReason } from '../../src/glance/pass-reason.ts'
import { LayerHolds } from '../../src/layer-holds.ts'
import { StandInSource } from '../boot/stand-in-source.ts'
import { layerFixture, signingKey } from '../layer-fixture.ts'
import { giveData, IMAGE, startStandInGlance } from './stand-in-glance.ts'

const { privateKey } = signingKey()
/** Requests get no time to finish when the endpoint stops. */
const impatient: Clock = { ...steadyClock, sleep: async () => {} }

/**
 * An endpoint before a stand-in Glance with one image, whose layer is here and empty; its blocks come when they are
 * demanded.
 */
export async function startEndpoint(
  undo: Undo,
  options: {
    sizeBytes?: number
    maxDownloads?: number
    silenceMs?: number
    giveUpMs?: number
    sendHost?: 'caller' | 'glance'
  } = {},
) {
  const { sizeBytes = 700_000, maxDownloads = 4, silenceMs = 20_000, giveUpMs = 20_000, sendHost = 'caller' } = options
  const glance = await startStandInGlance(undo, { silenceMs, sendHost })
  const fixture = layerFixture(privateKey, { sizeBytes })
  const store = createMemoryLayerStore()
  await store.open()
  undo.after(() => store.close())
  const layer = await store.create(fixture)
  const source = new StandInSource(store, [fixture])
  const holds = new LayerHolds()
  const files: { found: PassReason | 'held'; token?: string | undefined } = { found: 'held' }
  const metrics = createMetrics({ process: false })
  const counters = registerGatewayMetrics(metrics, () => downloads.running)
  const { upstream } = glance
  const clock: Clock = steadyClock
  const downloads: Downloads = new Downloads(
    {
      ...{ upstream, counters, source, clock, random: () => 0.5, logger: silentLogger },
      access: new ImageAccess({ upstream, clock }, { cacheMs: 0 }),
      files: {
        open: async (_facts: unknown, { token }: { token?: string | undefined }): Promise<HeldFile | PassReason> => {
          files.token = token
          const release = holds.hold([fixture.manifest.digest], 'download')
          return files.found === 'held' && release !== undefined ? { layer, release } : (files.found as PassReason)
        },
      },
      limit: new GlanceLimit({ clock, node: new TransferLimits(clock) }, null),
      onStored: () => {},
    },
    { maxDownloads, patienceMs: 60_000, giveUpMs },
  )
  const settings = { listen: { host: '127.0.0.1', port: 0 }, stallMs: 60_000 }
  const endpoint = new GlanceEndpoint(
    { upstream, downloads, counters, clock: impatient, logger: silentLogger },
    settings,
  )
  const url = await endpoint.start()
  undo.after(() => endpoint[Symbol.asyncDispose]())
  glance.answer = (got, response) => {
    if (got.url === `/v2/images/${IMAGE}/file`) return giveData(fixture.data, got, response)
    const os = { os_hash_algo: 'sha512', os_hash_value: createHash('sha512').update(fixture.data).digest('hex') }
    response.end(JSON.stringify({ id: IMAGE, status: 'active', size: sizeBytes, ...os }))
  }
  return { glance, fixture, layer, source, holds, files, metrics, downloads, endpoint, url }
}

/** A request whose body, if any, is still to be sent. */
export function send(url: string, path: string, options: RequestOptions = {}): ClientRequest {
  return request(`${url}${path}`, { agent: false, ...options })
}

/** The answer to a request, its body still to be read. */
export async function answerOf(sent: ClientRequest): Promise<IncomingMessage> {
  const [answer] = (await once(sent, 'response')) as [IncomingMessage]
  return answer
}

/** All of an answer's body. */
export async function bodyOf(answer: AsyncIterable<Buffer>): Promise<Buffer> {
  return Buffer.concat(await Array.fromAsync(answer))
}

/** Resolves as soon as it is so. */
export async function when(isSo: () => boolean): Promise<void> {
  const deadline = Date.now() + 20_000
  while (!isSo()) {
    if (Date.now() > deadline) throw new Error('it did not come to that')
    await setImmediate()
  }
}
