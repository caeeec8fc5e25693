import { PageSection, Title } from '@patternfly/react-core'
import { type ReactNode, useEffect } from 'react'

/** The name of a page, and what can be done on it. */
export function PageHead({ title, children, above }: { title: string; children?: ReactNode; above?: ReactNode }) {
  useEffect(() => {
    document.title = `${title} · Shoal`
  }, [title])
  return (
    <PageSection className="shoal-head">
      {above}
      <div className="shoal-head-row">
        <Title headingLevel="h1" size="2xl">
          {title}
        </Title>
        <div className="shoal-actions">{children}</div>
      </div>
    </PageSection>
  )
}
