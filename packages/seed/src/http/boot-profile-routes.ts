import { operations } from '@shoal/api'
import { type HttpApp, registerOperation } from '@shoal/service'
import type { BootProfiles } from '../boot-profiles/boot-profiles.ts'
import { seedError } from '../errors.ts'
import type { NodeRegistry } from '../nodes/node-registry.ts'

export interface BootProfileRoutesDeps {
  readonly profiles: Pick<BootProfiles, 'record' | 'status' | 'blocks'>
  readonly registry: Pick<NodeRegistry, 'has'>
}

export function addBootProfileRoutes(app: HttpApp, { profiles, registry }: BootProfileRoutesDeps): void {
  registerOperation(app, operations.recordBoot, ({ params, body }) => {
    const { node } = params
    if (!registry.has(node)) throw seedError('SHOAL_NODE_UNKNOWN', { node })
    return profiles.record(node, { ...body, image: body.image.toLowerCase() })
  })
  registerOperation(app, operations.showBootProfile, ({ params }) => profiles.status(params.image.toLowerCase()))
  registerOperation(app, operations.getBootProfile, ({ params }) => {
    const image = params.image.toLowerCase()
    const blocks = profiles.blocks(image)
    if (blocks === undefined) throw seedError('SHOAL_BOOT_PROFILE_UNKNOWN', { image })
    return blocks
  })
}
