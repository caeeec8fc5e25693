import { operations } from '@shoal/api'
import { type HttpApp, registerOperation } from '@shoal/service'
import type { BootProfiles } from '../boot-profiles/boot-profiles.ts'
import { seedError } from '../errors.ts'
import type { NodeRegistry } from '../nodes/node-registry.ts'
import type { LayerEntitlement } from '../trust/layer-entitlement.ts'

export interface BootProfileRoutesDeps {
  readonly profiles: Pick<BootProfiles, 'record' | 'status' | 'blocks'>
  readonly registry: Pick<NodeRegistry, 'has'>
  readonly entitlement: Pick<LayerEntitlement, 'checkProfile'>
}

export function addBootProfileRoutes(app: HttpApp, { profiles, registry, entitlement }: BootProfileRoutesDeps): void {
  registerOperation(app, operations.recordBoot, ({ params, body }) => {
    const { node } = params
    if (!registry.has(node)) throw seedError('SHOAL_NODE_UNKNOWN', { node })
    return profiles.record(node, { ...body, image: body.image.toLowerCase() })
  })
  registerOperation(app, operations.showBootProfile, ({ params }) => profiles.status(params.image.toLowerCase()))
  registerOperation(app, operations.getBootProfile, ({ params, request }) => {
    const image = params.image.toLowerCase()
    entitlement.checkProfile(request, image)
    const blocks = profiles.blocks(image)
    if (blocks === undefined) throw seedError('SHOAL_BOOT_PROFILE_UNKNOWN', { image })
    return blocks
  })
}
