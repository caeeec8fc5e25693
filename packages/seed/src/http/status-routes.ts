import { operations, type SeedStatus } from '@shoal/api'
import { type HttpApp, registerOperation } from '@shoal/service'

export function addStatusRoutes(app: HttpApp, { status }: { status: () => SeedStatus }): void {
  registerOperation(app, operations.status, status)
}
