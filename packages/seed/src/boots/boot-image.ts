import type { Clock, Digest } from '@shoal/core'
import { seedError } from '../errors.ts'
import type { Catalogue } from '../images/catalogue.ts'
import { type ImageLooks, isActive } from '../images/image-looks.ts'
import { chainOf, type ImageRecord } from '../images/image-record.ts'
import { checkActive } from '../imports/import-image.ts'
import type { Importer } from '../imports/importer.ts'

/** Above whatever else is imported: somebody waits. */
export const BOOT_PRIORITY = 90
/**
 * So long a failed import is the answer to who asks; many nodes that wait for one image would else try it again one by
 * one.
 */
const FAILURE_KEPT_MS = 30_000

export interface BootImageDeps {
  readonly catalogue: Pick<Catalogue, 'image' | 'layer'>
  readonly importer: Pick<Importer, 'progress' | 'request'>
  readonly looks: Pick<ImageLooks, 'look'>
  readonly clock: Clock
}

/**
 * The layers that an image is booted from, the base first; `undefined` while it is being imported, which is asked for
 * here. What it was booted from before stays, also when it got other layers since: the node has parts of them. Throws
 * `SHOAL_IMAGE_*` unless the image is active, `SHOAL_BOOT_IMPORT_FAILED`, `SHOAL_IMPORT_QUEUE_FULL` and the errors of
 * the library.
 */
export async function bootImage(
  image: string,
  before: readonly Digest[],
  deps: BootImageDeps,
  { node }: { node: string },
): Promise<readonly Digest[] | undefined> {
  const known = deps.catalogue.image(image)
  const found = isActive(known) ? publishedChain(known, before, deps) : undefined
  if (found !== undefined) return found
  const isRunning = deps.importer.progress(image) !== undefined
  const record = isRunning ? known : await deps.looks.look(image)
  if (record === undefined) throw seedError('SHOAL_IMAGE_UNKNOWN', { image })
  const fresh = publishedChain(record, before, deps)
  if (fresh !== undefined) return fresh
  if (deps.importer.progress(image) === undefined) checkFailure(record, deps.clock)
  await deps.importer.request(record.image, { priority: BOOT_PRIORITY, actor: `node:${node}` })
  return undefined
}

/** Throws unless the image may be booted; `undefined` when its layers are not there. */
function publishedChain(
  record: ImageRecord,
  before: readonly Digest[],
  { catalogue }: BootImageDeps,
): readonly Digest[] | undefined {
  const { image, deletedAt } = record
  if (deletedAt !== null) throw seedError('SHOAL_IMAGE_DELETED', { image: image.id })
  checkActive(image.id, image)
  const isPublished = (chain: readonly Digest[]) =>
    chain.length > 0 && chain.every((layer) => catalogue.layer(layer)?.state === 'published')
  return [before, chainOf(record)].find(isPublished)
}

function checkFailure({ image, import: last }: ImageRecord, clock: Clock): void {
  if (last === null || (last.state !== 'failed' && last.state !== 'cancelled')) return
  const ageMs = clock.now() - Date.parse(last.finishedAt ?? '')
  // Without a time, or with one to come since the clock was set back, it is tried again.
  if (!(ageMs >= 0 && ageMs < FAILURE_KEPT_MS)) return
  const reason = last.error?.message ?? 'it was cancelled'
  throw seedError('SHOAL_BOOT_IMPORT_FAILED', { image: image.id, reason, code: last.error?.code ?? '' })
}
