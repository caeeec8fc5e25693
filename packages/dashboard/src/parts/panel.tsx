import { Card, CardBody, CardTitle } from '@patternfly/react-core'
import type { ReactNode } from 'react'
import { Link } from 'wouter'

/** A part of a page with a name, which may lead to where there is more. */
export function Panel({ title, to, children }: { title: string; to?: string; children: ReactNode }) {
  return (
    <Card isCompact component="section" className="shoal-panel">
      <CardTitle component="h2">{to === undefined ? title : <Link href={to}>{title}</Link>}</CardTitle>
      <CardBody>{children}</CardBody>
    </Card>
  )
}
