import { Label } from '@patternfly/react-core'
import { Link } from 'wouter'
import { useFleet } from '../fleet/fleet-context.ts'

const STATUS = { healthy: 'success', degraded: 'warning', critical: 'danger' } as const

/** The verdict in one word, on every page. */
export function HealthBadge() {
  const health = useFleet(({ overview }) => overview?.health)
  if (health === undefined) return null
  return (
    <Link href="/" title={health.sentence} className="shoal-health-badge">
      <Label status={STATUS[health.verdict]}>{health.verdict}</Label>
    </Link>
  )
}
