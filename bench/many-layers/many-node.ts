import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { decodeManifest, decodePublicKey, silentLogger, steadyClock, systemClock, TransferLimits } from '@shoal/core'
import { createLayerStore, type StoredLayer } from '@shoal/layer-store'
import { holdYoungGeneration } from '@shoal/service/young-generation'
import { openLevelState } from '@shoal/state'
import { createSwarm } from '@shoal/swarm'
import { scriptEvents } from '../engines/script-events.ts'
import { type LoopDelay, watchLoopDelay } from './loop-delay.ts'
import type { ListedLayer } from './many-layers.ts'

/**
 * The data plane of a Shoal daemon without its API, for many layers at once. With `--holds` it has all of them from the
 * start; otherwise it tells on its channel how each of them comes along.
 */
const { values } = parseArgs({
  options: {
    role: { type: 'string', default: 'peer' },
    node: { type: 'string', default: 'node' },
    host: { type: 'string', default: '127.0.0.1' },
    port: { type: 'string', default: '0' },
    directory: { type: 'string', default: '.' },
    layers: { type: 'string', default: 'layers.json' },
    tracker: { type: 'string', multiple: true, default: [] },
    down: { type: 'string' },
    holds: { type: 'boolean', default: false },
  },
})

/** What the node under test says: once when it begins to join, then every 100 ms. */
export interface NodeSample {
  /** Milliseconds of the monotonic clock. */
  readonly atMs: number
  /** Payload of each layer so far, in the order of the list. */
  readonly receivedBytes: readonly number[]
  readonly connections: number
}

const SAMPLE_MS = 100

const listed = JSON.parse(await readFile(values.layers, 'utf8')) as ListedLayer[]
const descriptions = await Promise.all(
  listed.map(async ({ manifestFile, torrentFile, publicKey }) => {
    const [encodedManifest, torrent] = await Promise.all([readFile(manifestFile), readFile(torrentFile)])
    return { manifest: decodeManifest(encodedManifest, [decodePublicKey(publicKey)]), encodedManifest, torrent }
  }),
)
// As a service does.
holdYoungGeneration()
const state = await openLevelState(join(values.directory, 'state'))
const store = createLayerStore(
  { state, logger: silentLogger, clock: systemClock },
  { directory: join(values.directory, 'store') },
)
await store.open()
const limits = new TransferLimits(steadyClock, {
  ...(values.down === undefined ? {} : { downBytesPerSecond: Number(values.down) }),
})
const swarm = createSwarm(
  { clock: steadyClock, logger: silentLogger, buffers: store.buffers },
  {
    role: values.role === 'seed' ? 'origin' : 'peer',
    node: values.node,
    host: values.host,
    isOpen: true,
    port: Number(values.port),
    dht: false,
    trackers: values.tracker,
    limits,
  },
)
swarm.on('store-error', ({ error }) => {
  console.error(error)
  process.exit(1)
})
await swarm.start()
const layers: StoredLayer[] = []
for (const [index, description] of descriptions.entries()) {
  const path = join(values.directory, `${index}.raw`)
  layers.push(await (values.holds ? store.adopt(description, path) : store.create(description)))
}

let endWatch: (() => LoopDelay) | undefined
let loop: LoopDelay | undefined
let sampling: NodeJS.Timeout | undefined
let left = layers.length
swarm.on('complete', () => {
  left -= 1
  if (left > 0 || values.holds) return
  endSamples()
  scriptEvents.done()
})
scriptEvents.onStop(async () => {
  endSamples()
  const { uploadedBytes } = swarm.stats()
  await swarm.close()
  const buffersInUse = store.buffers.usedCount
  await store.close()
  await state.close()
  return { uploadedBytes, buffersInUse, loop }
})
const begun = scriptEvents.begun()
scriptEvents.ready(values.directory, swarm.peerId)
await begun
if (!values.holds) {
  endWatch = watchLoopDelay()
  tell()
  sampling = setInterval(tell, SAMPLE_MS)
}
await Promise.all(layers.map((layer) => swarm.join(layer)))

/** Only what happens while data flows counts. */
function endSamples(): void {
  if (loop !== undefined || endWatch === undefined) return
  tell()
  clearInterval(sampling)
  loop = endWatch()
}

function tell(): void {
  const receivedBytes = layers.map(({ manifest }) => {
    const { fromOriginBytes = 0, fromPeersBytes = 0 } = swarm.get(manifest.digest)?.stats() ?? {}
    return fromOriginBytes + fromPeersBytes
  })
  const sample: NodeSample = {
    ...{ atMs: Number(process.hrtime.bigint()) / 1e6, receivedBytes },
    connections: swarm.stats().connections,
  }
  process.send?.(sample)
}
