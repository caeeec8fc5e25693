import { operations } from '@shoal/api'
import { type HttpApp, registerOperation, type StatusByCode } from '@shoal/service'
import type { Compositions } from './compositions.ts'

/** HTTP status of the codes of composing. What goes wrong later stands in the composition. */
export const composeStatusByCode: StatusByCode = {
  SHOAL_COMPOSE_UNKNOWN: 404,
  SHOAL_COMPOSE_OPTION: 400,
  SHOAL_COMPOSE_CONFLICT: 409,
  SHOAL_COMPOSE_NAME_TAKEN: 409,
  SHOAL_COMPOSE_LAYER_INCOMPLETE: 409,
  SHOAL_COMPOSE_BASE_MISSING: 409,
  SHOAL_COMPOSE_LAYER_WITHDRAWN: 409,
  SHOAL_COMPOSE_LAYER_INVALID: 409,
  SHOAL_COMPOSE_BUSY: 503,
}

/** Binds the operations on compositions. */
export function registerCompositionRoutes(app: HttpApp, compositions: Compositions): void {
  registerOperation(app, operations.compose, ({ params, body }) => compositions.request(params.name, body))
  registerOperation(app, operations.listCompositions, () => ({ compositions: compositions.list() }))
  registerOperation(app, operations.showComposition, ({ params }) => compositions.show(params.name))
  registerOperation(app, operations.removeComposition, async ({ params }) => {
    await compositions.remove(params.name)
    return undefined
  })
}
