import { createPrivateKey, createPublicKey } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { decodeManifest, decodePublicKey, silentLogger, steadyClock, systemClock, TransferLimits } from '@shoal/core'
import { createLayerStore, type LayerStore } from '@shoal/layer-store'
import { holdYoungGeneration } from '@shoal/service/young-generation'
import { openLevelState } from '@shoal/state'
import {
  clusterIdentity,
  createSwarm,
  DEFAULT_LAYER_TERMS,
  encodeLayerGrant,
  LAYER_GRANT_MS,
  type SwarmIdentity,
} from '@shoal/swarm'
import {
  ClusterTrust,
  createCredential,
  newCredentialRequest,
  openAuthority,
  readCertificateRequest,
} from '@shoal/trust'
import { manneredLayer } from './mannered-layer.ts'
import { scriptEvents } from './script-events.ts'
import { obeyTransferOrders } from './transfer-orders.ts'
import { warmUp } from './warm-up.ts'

/**
 * The data plane of a Shoal daemon without its API: a layer store on disk and a swarm, for one layer. See scripted-engine.ts.
 * `--holds`: a peer that has the layer from the start; `--manner`: one that only pretends to;
 * `--warm`: its code ran before; `--authority`: directory of an authority, of which it makes itself a credential, `--encryption`: as `swarm.encryption`.
 */
const { values } = parseArgs({
  options: {
    role: { type: 'string', default: 'peer' },
    node: { type: 'string', default: 'node' },
    host: { type: 'string', default: '127.0.0.1' },
    port: { type: 'string', default: '0' },
    directory: { type: 'string', default: '.' },
    manifest: { type: 'string', default: 'layer.manifest' },
    torrent: { type: 'string', default: 'layer.torrent' },
    key: { type: 'string', default: '' },
    tracker: { type: 'string', multiple: true, default: [] },
    rack: { type: 'string' },
    zone: { type: 'string' },
    up: { type: 'string' },
    down: { type: 'string' },
    holds: { type: 'boolean', default: false },
    manner: { type: 'string' },
    warm: { type: 'boolean', default: false },
    authority: { type: 'string' },
    encryption: { type: 'string', default: 'off' },
  },
})
const role = values.role === 'seed' ? 'origin' : 'peer'
const [encodedManifest, torrent] = await Promise.all([readFile(values.manifest), readFile(values.torrent)])
const manifest = decodeManifest(encodedManifest, [decodePublicKey(values.key)])
const description = { manifest, encodedManifest, torrent }

// As a service does.
holdYoungGeneration()
const state = await openLevelState(join(values.directory, 'state'))
const store: LayerStore = createLayerStore(
  { state, logger: silentLogger, clock: systemClock },
  { directory: join(values.directory, 'store') },
)
await store.open()
const limits = new TransferLimits(steadyClock, {
  ...(values.up === undefined ? {} : { upBytesPerSecond: Number(values.up) }),
  ...(values.down === undefined ? {} : { downBytesPerSecond: Number(values.down) }),
})
const swarm = createSwarm(
  { clock: steadyClock, logger: silentLogger, buffers: store.buffers, identity: await identityOf(values.authority) },
  {
    role,
    node: values.node,
    host: values.host,
    isOpen: true,
    port: Number(values.port),
    dht: false,
    trackers: values.tracker,
    ...(values.rack === undefined ? {} : { rack: values.rack }),
    ...(values.zone === undefined ? {} : { zone: values.zone }),
    limits,
    encryption: values.encryption === 'all' ? 'all' : 'off',
  },
)
swarm.on('complete', () => scriptEvents.done())
swarm.on('store-error', ({ error }) => {
  console.error(error)
  process.exit(1)
})
await swarm.start()
scriptEvents.onStop(async () => {
  const stats = swarm.stats()
  const layer = swarm.get(manifest.digest)?.stats()
  await swarm.close()
  await store.close()
  await state.close()
  return { ...layer, ...stats }
})
const layer =
  role === 'origin' || values.holds
    ? await store.adopt(description, join(values.directory, 'layer.raw'))
    : await store.create(description)
let terms = DEFAULT_LAYER_TERMS
obeyTransferOrders({
  limits,
  counters: () => swarm.get(manifest.digest)?.stats(),
  setLayerRate: (limitBytesPerSecond) => {
    terms = { ...terms, limitBytesPerSecond }
    swarm.get(manifest.digest)?.setTerms(terms)
  },
})
if (values.warm) await warmUp(store)
const begun = scriptEvents.begun()
scriptEvents.ready(layer.path, swarm.peerId)
await begun
const { manner } = values
await swarm.join(manner === 'corrupt' || manner === 'silent' ? manneredLayer(layer, manner) : layer, terms)

async function identityOf(directory: string | undefined): Promise<SwarmIdentity | undefined> {
  if (directory === undefined) return undefined
  const authority = await openAuthority(directory, { domain: 'shoal', now: Date.now() })
  const identity = { role: role === 'origin' ? 'seed' : 'node', name: values.node } as const
  const { privateKey, request } = newCredentialRequest(identity.name)
  const publicKey = readCertificateRequest(request)
  const certificate = authority.issue({ publicKey, identity, notBefore: Date.now(), lifetimeMs: 3_600_000 })
  const credential = createCredential(privateKey, [certificate])
  // What a seed would sign: a key that all processes of a bench know (RFC 8410, with nothing secret in it).
  const key = createPrivateKey({
    key: Buffer.concat([Buffer.from('302e020100300506032b657004220420', 'hex'), Buffer.alloc(32, 'bench')]),
    ...{ format: 'der', type: 'pkcs8' },
  })
  const { infoHash } = manifest
  const keys = [createPublicKey(key)]
  const grant = encodeLayerGrant({ node: values.node, infoHash }, Date.now() + LAYER_GRANT_MS, key)
  return clusterIdentity(
    new ClusterTrust({ clock: systemClock }, { credential, authorities: [authority.certificate] }),
    systemClock,
    { own: () => grant, keys: () => keys },
  )
}
