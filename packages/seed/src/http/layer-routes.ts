import { operations } from '@shoal/api'
import { parseDigest } from '@shoal/core'
import type { LayerStore, StoredLayer } from '@shoal/layer-store'
import { type HttpApp, registerOperation } from '@shoal/service'
import type { FastifyRequest } from 'fastify'
import type { ImageRights } from '../access/image-rights.ts'
import { seedError } from '../errors.ts'
import type { EventJournal } from '../events/event-journal.ts'
import type { Catalogue, LayerRecord } from '../images/catalogue.ts'
import { viewLayers } from '../layer-view.ts'
import type { Assignments } from '../nodes/assignments.ts'
import type { NodeRegistry } from '../nodes/node-registry.ts'
import type { LayerEntitlement } from '../trust/layer-entitlement.ts'
import type { LayerGrants } from '../trust/layer-grants.ts'
import type { ManifestSigner } from '../trust/manifest-signer.ts'
import type { UploadTally } from '../upload-tally.ts'
import { pageOf } from './page.ts'

export interface LayerRoutesDeps {
  readonly catalogue: Catalogue
  readonly store: LayerStore
  readonly assignments: Assignments
  readonly registry: NodeRegistry
  readonly tally: UploadTally
  readonly journal: EventJournal
  readonly entitlement: LayerEntitlement
  readonly rights: ImageRights
  readonly grants: LayerGrants
  readonly signer: Pick<ManifestSigner, 'sign'>
}

export function addLayerRoutes(app: HttpApp, deps: LayerRoutesDeps): void {
  const { catalogue, store } = deps
  const oneAtATime = createTurns()
  const find = (layer: string): LayerRecord => {
    const record = catalogue.layer(layer)
    if (record === undefined) throw seedError('SHOAL_LAYER_UNKNOWN', { layer })
    return record
  }
  /** A withdrawn layer is given to nobody. */
  const findPublished = (layer: string): StoredLayer => {
    const record = find(layer)
    if (record.state === 'withdrawn') throw seedError('SHOAL_LAYER_WITHDRAWN', { layer })
    const stored = store.get(record.digest)
    if (stored === undefined) throw seedError('SHOAL_LAYER_UNKNOWN', { layer })
    return stored
  }

  registerOperation(app, operations.listLayers, ({ query }) => {
    const { entries, next } = pageOf(catalogue.layers(), ({ digest }) => digest, query)
    return { layers: viewLayers(entries, deps), next }
  })
  registerOperation(app, operations.showLayer, ({ params }) => {
    const [layer] = viewLayers([find(params.layer)], deps)
    if (layer === undefined) throw seedError('SHOAL_LAYER_UNKNOWN', { layer: params.layer })
    return layer
  })
  // Who is not to have a layer does not learn whether there is one.
  const give = async (asked: { params: { layer: string }; request: FastifyRequest }): Promise<StoredLayer> => {
    const { params, request } = asked
    deps.entitlement.checkLayer(request, params.layer)
    await deps.rights.checkLayer(request, params.layer)
    return findPublished(params.layer)
  }
  registerOperation(app, operations.getManifest, async (request) =>
    deps.signer.sign((await give(request)).encodedManifest),
  )
  registerOperation(app, operations.getTorrent, async (request) => (await give(request)).torrent)
  registerOperation(app, operations.getGrant, async (asked) => {
    const { node } = asked.request
    if (node === undefined) throw seedError('SHOAL_LAYER_GRANT_NODE')
    return deps.grants.make(node, (await give(asked)).manifest.infoHash)
  })
  registerOperation(app, operations.verifyLayer, async ({ params, signal }) => {
    const stored = store.get(parseDigest(params.layer))
    if (stored === undefined) throw seedError('SHOAL_LAYER_UNKNOWN', { layer: params.layer })
    const result = await oneAtATime(() => {
      signal.throwIfAborted()
      return stored.verify({ signal })
    })
    if (result.badBlocks.length > 0) {
      const message = `The seed's own copy has ${result.badBlocks.length} bad blocks; import one of its images again.`
      await deps.journal.append([{ type: 'layer.failed', layer: params.layer, message }])
    }
    return { layer: params.layer, ...result }
  })
}

/** Runs tasks one after another: each verification takes a core and the disk, which the swarm is served from. */
function createTurns(): <T>(task: () => Promise<T>) => Promise<T> {
  let tail: Promise<unknown> = Promise.resolve()
  return (task) => {
    const turn = tail.then(task)
    tail = turn.catch(() => {})
    return turn
  }
}
