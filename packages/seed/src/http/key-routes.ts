import { operations } from '@shoal/api'
import { type HttpApp, registerOperation } from '@shoal/service'
import type { KeyRotation } from '../trust/key-rotation.ts'
import type { SigningKeys } from '../trust/signing-keys.ts'

export interface KeyRoutesDeps {
  readonly keys: Pick<SigningKeys, 'list'>
  readonly rotation: Pick<KeyRotation, 'rotate' | 'retire'>
}

export function addKeyRoutes(app: HttpApp, { keys, rotation }: KeyRoutesDeps): void {
  registerOperation(app, operations.listKeys, () => keys.list())
  registerOperation(app, operations.rotateKey, async ({ body, actor }) => {
    await rotation.rotate(actor, body.overlapSeconds === undefined ? undefined : body.overlapSeconds * 1000)
    return keys.list()
  })
  registerOperation(app, operations.retireKey, async ({ params, actor }) => {
    await rotation.retire(params.key, actor)
    return keys.list()
  })
}
