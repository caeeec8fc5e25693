import { Type } from 'typebox'
import { imageId } from './field.ts'
import { Image } from './image.ts'
import { Inspection } from './inspection.ts'
import { LayeringRequest } from './layering.ts'
import type { Operation } from './operation.ts'
import { after, limit, next, strict } from './page-fields.ts'

const imageParams = Type.Object({ image: imageId('Glance id.') }, strict)

/** The images of the library, their import and their layering. */
export const imageOperations = {
  listImages: {
    id: 'listImages',
    method: 'GET',
    path: '/v1/images',
    role: 'reader',
    tag: 'images',
    summary: 'Lists the images of the library and what became of them.',
    query: Type.Object(
      {
        limit,
        after,
        status: Type.Optional(
          Type.String({ maxLength: 40, description: 'Only images with this status in the library.' }),
        ),
      },
      strict,
    ),
    response: Type.Object({ images: Type.Array(Image), next }),
  },
  showImage: {
    id: 'showImage',
    method: 'GET',
    path: '/v1/images/{image}',
    role: 'reader',
    tag: 'images',
    summary: 'Shows one image.',
    params: imageParams,
    response: Image,
  },
  showInspection: {
    id: 'showInspection',
    method: 'GET',
    path: '/v1/images/{image}/inspection',
    role: 'reader',
    tag: 'images',
    summary: 'Shows every check that the bytes of an image went through when it was imported, and what it found.',
    params: imageParams,
    response: Inspection,
  },
  importImage: {
    id: 'importImage',
    method: 'POST',
    path: '/v1/images/{image}/import',
    role: 'operator',
    tag: 'images',
    summary: 'Asks for an image to be imported; asking again joins the import that runs.',
    params: imageParams,
    response: Image,
    status: 202,
  },
  cancelImport: {
    id: 'cancelImport',
    method: 'DELETE',
    path: '/v1/images/{image}/import',
    role: 'operator',
    tag: 'images',
    summary: 'Cancels the import of an image; nothing half-published stays.',
    params: imageParams,
    response: Image,
  },
  publishLayers: {
    id: 'publishLayers',
    method: 'POST',
    path: '/v1/images/{image}/layers',
    role: 'operator',
    tag: 'images',
    summary: 'Makes base and middle of a flat image that is imported; asking again joins the one that runs.',
    params: imageParams,
    body: LayeringRequest,
    response: Image,
    status: 202,
  },
  cancelLayering: {
    id: 'cancelLayering',
    method: 'DELETE',
    path: '/v1/images/{image}/layers',
    role: 'operator',
    tag: 'images',
    summary: 'Cancels the making of layers; the image stays as it is.',
    params: imageParams,
    response: Image,
  },
} as const satisfies Record<string, Operation>
