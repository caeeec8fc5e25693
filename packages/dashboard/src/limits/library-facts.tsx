import type { Overview } from '@shoal/api'
import { useNow } from '../fleet/use-now.ts'
import { formatBytes, formatCount, formatRate } from '../format/quantity.ts'
import { formatAway } from '../format/time.ts'
import { Facts } from '../parts/facts.tsx'

export function LibraryFacts({ overview: { library, seed, startedAt, version } }: { overview: Overview }) {
  const now = useNow()
  return (
    <Facts
      facts={[
        ['Library', library.endpoint],
        ['It answers', library.reachable ? 'yes' : 'no'],
        ['Read since the seed started', formatBytes(library.readBytes)],
        ['Reading now', formatRate(library.rateBytesPerSecond)],
        ['The seed has sent', formatBytes(seed.uploadedBytes)],
        ['Peers connected to it', formatCount(seed.connections)],
        ['The seed started', formatAway(startedAt, now)],
        ['Version', version],
      ]}
    />
  )
}
