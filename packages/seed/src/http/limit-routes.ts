import { operations } from '@shoal/api'
import { type HttpApp, registerOperation } from '@shoal/service'
import type { FleetLimits } from '../fleet-limits.ts'

export function addLimitRoutes(app: HttpApp, { limits }: { limits: FleetLimits }): void {
  registerOperation(app, operations.showLimits, () => limits.status())
  registerOperation(app, operations.setLimits, ({ body, actor }) => limits.change(body, actor))
  registerOperation(app, operations.showLimitsSchedule, () => limits.schedule())
  registerOperation(app, operations.setLimitsSchedule, ({ body, actor }) => limits.setSchedule(body, actor))
}
