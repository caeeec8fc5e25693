import { Alert } from '@patternfly/react-core'
import type { HealthReason, SwarmHealth } from '@shoal/api'
import { Link } from 'wouter'
import { subjectPath } from '../parts/subject-path.ts'

const VARIANT = { healthy: 'success', degraded: 'warning', critical: 'danger' } as const
const SEVERITY: Readonly<Record<HealthReason['severity'], string>> = {
  critical: 'Critical',
  warning: 'Warning',
  notice: 'Notice',
}

/** Whether the swarm is well, in one sentence; and why not, each reason with where to look further. */
export function HealthCard({ health: { verdict, sentence, reasons } }: { health: SwarmHealth }) {
  return (
    <section aria-label="Health" aria-live="polite" className="shoal-health" data-verdict={verdict}>
      <Alert variant={VARIANT[verdict]} isInline title={sentence} component="h2">
        {reasons.length === 0 ? null : (
          <ul className="shoal-reasons">
            {reasons.map((reason) => (
              <li key={`${reason.code} ${reason.subject.id} ${reason.subject.filter}`} data-code={reason.code}>
                <span className={`shoal-severity shoal-severity-${reason.severity}`}>{SEVERITY[reason.severity]}</span>{' '}
                <Link href={subjectPath(reason.subject)}>{reason.message}</Link>
              </li>
            ))}
          </ul>
        )}
      </Alert>
    </section>
  )
}
