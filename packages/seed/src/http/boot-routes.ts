import { operations } from '@shoal/api'
import { type HttpApp, registerOperation } from '@shoal/service'
import type { BootClaims } from '../boots/boot-claims.ts'
import type { FileClaims } from '../boots/file-claims.ts'

export function addBootRoutes(
  app: HttpApp,
  { boots, files }: { boots: Pick<BootClaims, 'want' | 'end'>; files: Pick<FileClaims, 'want'> },
): void {
  registerOperation(app, operations.wantBoot, ({ params, query, signal }) =>
    boots.want(params.node, params.image.toLowerCase(), { ...query, signal }),
  )
  registerOperation(app, operations.endBoot, async ({ params }) => {
    await boots.end(params.node, params.image.toLowerCase())
    return undefined
  })
  registerOperation(app, operations.wantFile, ({ params, signal }) =>
    files.want(params.node, params.image.toLowerCase(), { signal }),
  )
}
