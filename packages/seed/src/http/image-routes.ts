import { operations } from '@shoal/api'
import { type HttpApp, registerOperation } from '@shoal/service'
import type { ImageRights } from '../access/image-rights.ts'
import { seedError } from '../errors.ts'
import type { Catalogue } from '../images/catalogue.ts'
import { type ImageRecord, toApiImage, toApiInspection } from '../images/image-record.ts'
import type { LibraryWatcher } from '../images/library-watcher.ts'
import type { Importer } from '../imports/importer.ts'
import type { Layerings } from '../layers/layerings.ts'
import { pageOf } from './page.ts'

export interface ImageRoutesDeps {
  readonly catalogue: Catalogue
  readonly watcher: LibraryWatcher
  readonly importer: Importer
  readonly layerings: Layerings
  readonly rights: ImageRights
}

export function addImageRoutes(app: HttpApp, deps: ImageRoutesDeps): void {
  const { catalogue, watcher, importer, layerings, rights } = deps
  const view = (record: ImageRecord) => {
    const { id } = record.image
    return toApiImage(record, { import: importer.progress(id), layering: layerings.progress(id) })
  }
  const find = (image: string): ImageRecord => {
    const record = catalogue.image(image)
    if (record === undefined) throw seedError('SHOAL_IMAGE_UNKNOWN', { image })
    return record
  }

  registerOperation(app, operations.listImages, ({ query }) => {
    const records = catalogue
      .images()
      .filter(({ image }) => query.status === undefined || image.status === query.status)
    const { entries, next } = pageOf(records, ({ image }) => image.id, query)
    return { images: entries.map(view), next }
  })
  registerOperation(app, operations.showImage, ({ params }) => view(find(params.image.toLowerCase())))
  registerOperation(app, operations.showInspection, ({ params }) => {
    const { image, inspection } = find(params.image.toLowerCase())
    if (inspection === null) throw seedError('SHOAL_IMAGE_NOT_INSPECTED', { image: image.id })
    return toApiInspection(inspection)
  })
  registerOperation(app, operations.importImage, async ({ params, signal, actor, request }) => {
    const id = params.image.toLowerCase()
    await rights.checkImages(request, [id])
    // Right after an upload the poll has not seen the image yet; a stale record must not start a read either.
    const isRunning = importer.progress(id) !== undefined
    const record = isRunning ? find(id) : await watcher.refresh(id, { signal })
    if (record === undefined) throw seedError('SHOAL_IMAGE_UNKNOWN', { image: id })
    await importer.request(record.image, { actor })
    return view(find(id))
  })
  registerOperation(app, operations.cancelImport, async ({ params, actor, request }) => {
    await rights.checkImages(request, [params.image])
    const image = find(params.image.toLowerCase()).image.id
    const wasRunning = await importer.cancel(image, seedError('SHOAL_IMPORT_CANCELLED', { image }), actor)
    if (!wasRunning) throw seedError('SHOAL_IMPORT_NOT_RUNNING', { image })
    return view(find(image))
  })
  registerOperation(app, operations.publishLayers, async ({ params, body, actor, request }) => {
    await rights.checkImages(request, [params.image])
    const record = find(params.image.toLowerCase())
    await layerings.request(record, body, actor)
    return view(find(record.image.id))
  })
  registerOperation(app, operations.cancelLayering, async ({ params, actor, request }) => {
    await rights.checkImages(request, [params.image])
    const { id: image } = find(params.image.toLowerCase()).image
    const wasRunning = await layerings.cancel(image, seedError('SHOAL_LAYERING_CANCELLED', { image }), actor)
    if (!wasRunning) throw seedError('SHOAL_LAYERING_NOT_RUNNING', { image })
    return view(find(image))
  })
}
