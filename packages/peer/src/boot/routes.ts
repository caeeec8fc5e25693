import { operations } from '@shoal/api'
import { type HttpApp, registerOperation, type StatusByCode } from '@shoal/service'
import type { Boots } from './boots.ts'

/** HTTP status of the codes of boots. What goes wrong later stands in the boot. */
export const bootStatusByCode: StatusByCode = {
  SHOAL_BOOT_UNKNOWN: 404,
  SHOAL_BOOT_REQUEST: 400,
  SHOAL_BOOT_NAME_TAKEN: 409,
  SHOAL_BOOT_OVERLAY_TAKEN: 409,
  SHOAL_BOOT_OVERLAY_OTHER: 409,
  SHOAL_BOOT_LIMIT: 503,
  SHOAL_BOOT_STOPPING: 503,
}

/** Binds the operations on boots. */
export function registerBootRoutes(
  app: HttpApp,
  boots: Pick<Boots, 'prepare' | 'list' | 'show' | 'release' | 'booted'>,
): void {
  registerOperation(app, operations.prepareBoot, ({ params, headers, body }) =>
    boots.prepare(params.boot, body, { tenantToken: headers['x-shoal-tenant-token'] }),
  )
  registerOperation(app, operations.listBoots, () => ({ boots: boots.list() }))
  registerOperation(app, operations.showBoot, ({ params }) => boots.show(params.boot))
  registerOperation(app, operations.markBooted, ({ params }) => boots.booted(params.boot))
  registerOperation(app, operations.releaseBoot, async ({ params }) => {
    await boots.release(params.boot)
    return undefined
  })
}
