import { Alert } from '@patternfly/react-core'
import { CallError } from '../api/call.ts'

/** What went wrong, its code, and what to do next. */
export function Problem({ error }: { error: unknown }) {
  const title = error instanceof Error ? error.message : String(error)
  return (
    <Alert variant="danger" isInline title={title} role="alert">
      {error instanceof CallError ? (
        <>
          {error.hint} <code>{error.code}</code>
        </>
      ) : null}
    </Alert>
  )
}
