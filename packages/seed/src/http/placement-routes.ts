import { operations } from '@shoal/api'
import { type HttpApp, RawAnswer, registerOperation } from '@shoal/service'
import type { ImageRights } from '../access/image-rights.ts'
import type { ImageLooks } from '../images/image-looks.ts'
import type { Placement } from '../placement/open-placement.ts'

export function addPlacementRoutes(
  app: HttpApp,
  {
    places,
    snapshots,
    rights,
    looks,
  }: Pick<Placement, 'places' | 'snapshots'> & { rights: ImageRights; looks: Pick<ImageLooks, 'lookForMissing'> },
): void {
  registerOperation(app, operations.placeVms, async ({ body, request }) => {
    const images = body.images.map(({ image }) => image)
    await rights.checkImages(request, images)
    await looks.lookForMissing(images)
    return places.place(body)
  })
  registerOperation(app, operations.schedulerSnapshot, async ({ headers }) => {
    const snapshot = await snapshots.current()
    const { etag } = snapshot
    if (isKnown(headers['if-none-match'], etag)) return new RawAnswer(304, { etag })
    const head = { etag, 'content-type': 'application/json; charset=utf-8', vary: 'accept-encoding' }
    if (!takesGzip(headers['accept-encoding'])) return new RawAnswer(200, head, snapshot.json)
    return new RawAnswer(200, { ...head, 'content-encoding': 'gzip' }, snapshot.gzip)
  })
}

/** RFC 9110, section 13.1.2: a list of tags, weak ones too, or a star. */
function isKnown(ifNoneMatch: string | undefined, etag: string): boolean {
  const tags = ifNoneMatch?.split(',').map((tag) => tag.trim().replace(/^W\//, '')) ?? []
  return tags.includes(etag) || tags.includes('*')
}

/** RFC 9110, section 12.5.3; a quality of 0 refuses. */
function takesGzip(acceptEncoding = ''): boolean {
  return acceptEncoding.split(',').some((coding) => {
    const [name = '', ...parameters] = coding.split(';').map((part) => part.trim().toLowerCase())
    return (name === 'gzip' || name === '*') && !parameters.some((parameter) => /^q=0(?:\.0*)?$/.test(parameter))
  })
}
