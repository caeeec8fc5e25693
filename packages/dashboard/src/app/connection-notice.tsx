import { Banner, Spinner } from '@patternfly/react-core'
import type { ConnectionState } from '../fleet/connection.ts'
import { useNow } from '../fleet/use-now.ts'
import { formatTime } from '../format/time.ts'

/** Says when what is shown is not live; nothing while all is well. */
export function ConnectionNotice({ state, hasData }: { state: ConnectionState; hasData: boolean }) {
  const now = useNow()
  if (state === 'live' || (state === 'connecting' && hasData)) return null
  if (!hasData) {
    return (
      <div className="shoal-waiting" role="status">
        <Spinner size="lg" aria-label="Waiting for the seed" /> Waiting for the seed…
      </div>
    )
  }
  return (
    <Banner color="yellow" role="alert" className="shoal-broken">
      The connection to the seed is broken: this is how it was at {formatTime(new Date(now).toISOString(), now)}. Trying
      again…
    </Banner>
  )
}
