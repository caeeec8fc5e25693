import { Type } from 'typebox'
import {
  Boot,
  BootChain,
  BootOffer,
  BootProfileStatus,
  BootRecording,
  BootRequest,
  bootName,
  MAX_BOOTS,
} from './boot.ts'
import { imageId, nodeId } from './field.ts'
import { ImageFile } from './image-file.ts'
import type { Operation } from './operation.ts'
import { strict } from './page-fields.ts'

/** Names the tenant for whom a node, or somebody on it, asks. Not `X-Auth-Token`: who asks is not the tenant. */
const tenantHeaders = Type.Object({
  'x-shoal-tenant-token': Type.Optional(
    Type.String({
      maxLength: 4096,
      description:
        'Keystone token of the tenant for whom it is asked, for an image that is not for all; it is not kept.',
    }),
  ),
})
const bootParams = Type.Object({ boot: bootName('Name of a boot.') }, strict)
const imageParams = Type.Object({ image: imageId('Glance id.') }, strict)
const nodeParams = Type.Object({ node: nodeId('Name of a node.') }, strict)
const nodeImageParams = Type.Object({ node: nodeId('Name of a node.'), image: imageId('Glance id.') }, strict)

/** What is done with disks that machines boot from, on nodes and at the seed. */
export const bootOperations = {
  prepareBoot: {
    id: 'prepareBoot',
    method: 'PUT',
    path: '/v1/boots/{boot}',
    role: 'operator',
    tag: 'boots',
    summary:
      'Serves a disk to a VM before all of it is there, and keeps it; served by the peer. Asking again changes nothing.',
    params: bootParams,
    headers: tenantHeaders,
    body: BootRequest,
    response: Boot,
  },
  listBoots: {
    id: 'listBoots',
    method: 'GET',
    path: '/v1/boots',
    role: 'reader',
    tag: 'boots',
    summary: 'Lists the disks that a node serves, by name; served by its peer.',
    response: Type.Object({ boots: Type.Array(Boot, { maxItems: MAX_BOOTS, description: 'All of them.' }) }),
  },
  showBoot: {
    id: 'showBoot',
    method: 'GET',
    path: '/v1/boots/{boot}',
    role: 'reader',
    tag: 'boots',
    summary: 'Shows one disk that a node serves, and how to open it; served by its peer.',
    params: bootParams,
    response: Boot,
  },
  releaseBoot: {
    id: 'releaseBoot',
    method: 'DELETE',
    path: '/v1/boots/{boot}',
    role: 'operator',
    tag: 'boots',
    summary: 'Ends serving a disk; its layers may be evicted from then on. Its overlay stays. Served by the peer.',
    params: bootParams,
    status: 204,
  },
  markBooted: {
    id: 'markBooted',
    method: 'POST',
    path: '/v1/boots/{boot}/booted',
    role: 'operator',
    tag: 'boots',
    summary:
      'Tells that the machine on a disk has booted, now: a marker on its console was seen, its service answers. The first word counts. Served by the peer.',
    params: bootParams,
    response: Boot,
  },
  wantBoot: {
    id: 'wantBoot',
    method: 'PUT',
    path: '/v1/nodes/{node}/boots/{image}',
    role: 'node',
    tag: 'boots',
    summary:
      'Tells what a node needs to boot an image, and assigns it the layers; imports the image where that is needed.',
    params: nodeImageParams,
    headers: tenantHeaders,
    query: BootOffer,
    response: BootChain,
  },
  endBoot: {
    id: 'endBoot',
    method: 'DELETE',
    path: '/v1/nodes/{node}/boots/{image}',
    role: 'node',
    tag: 'boots',
    summary: 'A node boots the image no more: its claim on the layers ends.',
    params: nodeImageParams,
    status: 204,
  },
  wantFile: {
    id: 'wantFile',
    method: 'PUT',
    path: '/v1/nodes/{node}/files/{image}',
    role: 'node',
    tag: 'boots',
    summary:
      'Tells which layer has the very bytes of an image, and assigns it to the node; imports the image where that is needed.',
    params: nodeImageParams,
    headers: tenantHeaders,
    response: ImageFile,
  },
  recordBoot: {
    id: 'recordBoot',
    method: 'POST',
    path: '/v1/nodes/{node}/boot-recordings',
    role: 'node',
    tag: 'boots',
    summary: 'Takes what a machine read while it booted.',
    params: nodeParams,
    body: BootRecording,
    response: BootProfileStatus,
  },
  showBootProfile: {
    id: 'showBootProfile',
    method: 'GET',
    path: '/v1/images/{image}/boot-profile',
    role: 'reader',
    tag: 'boots',
    summary: 'Shows what is known of how an image boots.',
    params: imageParams,
    response: BootProfileStatus,
  },
  getBootProfile: {
    id: 'getBootProfile',
    method: 'GET',
    path: '/v1/images/{image}/boot-profile/blocks',
    role: 'node',
    tag: 'boots',
    summary: "Gives an image's signed boot profile: the blocks of its layers that a boot reads, in order.",
    params: imageParams,
    contentType: 'application/octet-stream',
  },
} as const satisfies Record<string, Operation>
