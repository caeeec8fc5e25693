import { operations } from '@shoal/api'
import { type HttpApp, registerOperation } from '@shoal/service'
import type { NovaCache } from './nova-cache.ts'

/** Binds the operation on Nova's image cache; `cache` is absent where that is not looked after. */
export function registerNovaCacheRoutes(app: HttpApp, cache: Pick<NovaCache, 'list'> | undefined): void {
  registerOperation(app, operations.listNovaBases, () => ({
    isEnabled: cache !== undefined,
    bases: cache?.list() ?? [],
  }))
}
