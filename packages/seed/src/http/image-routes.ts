import { operations } from '@shoal/api'
import { type HttpApp, registerOperation } from '@shoal/service'
import { seedError } from '../errors.ts'
import type { Catalogue } from '../images/catalogue.ts'
import { type ImageRecord, toApiImage } from '../images/image-record.ts'
import type { LibraryWatcher } from '../images/library-watcher.ts'
import type { Importer } from '../imports/importer.ts'
import { pageOf } from './page.ts'

export function addImageRoutes(
  app: HttpApp,
  { catalogue, watcher, importer }: { catalogue: Catalogue; watcher: LibraryWatcher; importer: Importer },
): void {
  const view = (record: ImageRecord) => toApiImage(record, importer.progress(record.image.id))
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
  registerOperation(app, operations.importImage, async ({ params, signal }) => {
    const id = params.image.toLowerCase()
    // Right after an upload the poll has not seen the image yet; a stale record must not start a read either.
    const isRunning = importer.progress(id) !== undefined
    const record = isRunning ? find(id) : await watcher.refresh(id, { signal })
    if (record === undefined) throw seedError('SHOAL_IMAGE_UNKNOWN', { image: id })
    await importer.request(record.image)
    return view(find(id))
  })
  registerOperation(app, operations.cancelImport, async ({ params }) => {
    const image = find(params.image.toLowerCase()).image.id
    const wasRunning = await importer.cancel(image, seedError('SHOAL_IMPORT_CANCELLED', { image }))
    if (!wasRunning) throw seedError('SHOAL_IMPORT_NOT_RUNNING', { image })
    return view(find(image))
  })
}
