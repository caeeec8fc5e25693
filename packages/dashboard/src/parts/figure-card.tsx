import { Card, CardBody, CardTitle } from '@patternfly/react-core'
import type { ReactNode } from 'react'
import { Link } from 'wouter'

/** One number that can be read from afar; what it rests on is below it, and further where it leads to. */
export function FigureCard({
  title,
  value,
  to,
  children,
}: {
  title: string
  value: string
  to: string
  children: ReactNode
}) {
  return (
    <Card isCompact component="section" className="shoal-figure-card">
      <CardTitle component="h2">
        <Link href={to}>{title}</Link>
      </CardTitle>
      <CardBody>
        <div className="shoal-value">
          <Link href={to} aria-label={`${title}: ${value}`}>
            {value}
          </Link>
        </div>
        <div className="shoal-detail">{children}</div>
      </CardBody>
    </Card>
  )
}
