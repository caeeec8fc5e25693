import { operations } from '@shoal/api'
import { type HttpApp, registerOperation } from '@shoal/service'
import type { BootClaims } from '../boots/boot-claims.ts'

export function addBootRoutes(app: HttpApp, { boots }: { boots: Pick<BootClaims, 'want' | 'end'> }): void {
  registerOperation(app, operations.wantBoot, ({ params, query, signal }) =>
    boots.want(params.node, params.image.toLowerCase(), { ...query, signal }),
  )
  registerOperation(app, operations.endBoot, async ({ params }) => {
    await boots.end(params.node, params.image.toLowerCase())
    return undefined
  })
}
