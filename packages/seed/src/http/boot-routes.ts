import { operations } from '@shoal/api'
import { type HttpApp, type Role, registerOperation } from '@shoal/service'
import type { FastifyRequest } from 'fastify'
import type { ImageRights } from '../access/image-rights.ts'
import type { NodePurpose } from '../access/node-purpose.ts'
import type { BootClaims } from '../boots/boot-claims.ts'
import type { FileClaims } from '../boots/file-claims.ts'

export interface BootRoutesDeps {
  readonly boots: Pick<BootClaims, 'want' | 'end'>
  readonly files: Pick<FileClaims, 'want'>
  readonly rights: Pick<ImageRights, 'checkImages'>
  readonly purpose: Pick<NodePurpose, 'check'>
}

interface Asked {
  readonly params: { readonly node: string; readonly image: string }
  readonly headers: { readonly 'x-shoal-tenant-token'?: string }
  readonly request: FastifyRequest
  readonly role: Role
  readonly signal: AbortSignal
}

export function addBootRoutes(app: HttpApp, { boots, files, rights, purpose }: BootRoutesDeps): void {
  /** The image that is asked for, if the caller may have it. Operators' tokens act for the cloud; a node needs a purpose. */
  const imageOf = async ({ params, headers, request, role }: Asked): Promise<string> => {
    const image = params.image.toLowerCase()
    await rights.checkImages(request, [image])
    const tenantToken = headers['x-shoal-tenant-token']
    if (role === 'node') await purpose.check(params.node, image, { tenantToken })
    return image
  }
  registerOperation(app, operations.wantBoot, async (asked) => {
    const { params, query } = asked
    return boots.want(params.node, await imageOf(asked), query)
  })
  registerOperation(app, operations.endBoot, async ({ params }) => {
    await boots.end(params.node, params.image.toLowerCase())
    return undefined
  })
  registerOperation(app, operations.wantFile, async (asked) => {
    return files.want(asked.params.node, await imageOf(asked))
  })
}
