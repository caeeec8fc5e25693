import type { Image } from '@shoal/api'
import { call } from '../api/call.ts'
import { ConfirmButton } from '../parts/confirm-button.tsx'

const UNDER_WAY: readonly (string | undefined)[] = ['queued', 'reading', 'verifying']

/** What can be done with an image now: import it, or stop that. */
export function ImageAction({ image: { id, name, status, layer, import: past } }: { image: Image }) {
  const params = { image: id }
  if (UNDER_WAY.includes(past?.state)) {
    return (
      <ConfirmButton
        action="Cancel"
        variant="link"
        title={`Cancel the import of ${name ?? id}?`}
        onConfirm={() => call('cancelImport', { params })}
      >
        What was read of it is thrown away; the library is asked for all of it when it is imported again.
      </ConfirmButton>
    )
  }
  if (layer !== null || status !== 'active') return null
  return (
    <ConfirmButton
      action="Import"
      variant="link"
      title={`Import ${name ?? id}?`}
      onConfirm={() => call('importImage', { params })}
    >
      It is read from the library once, within the limit, checked, and published as a layer. No node gets it before it
      is prefetched or booted.
    </ConfirmButton>
  )
}
