import type { HealthReason } from '@shoal/api'

/** The page that says more about what a reason is about. */
export function subjectPath({ kind, id, filter }: HealthReason['subject']): string {
  const query = filter === null ? '' : `?filter=${encodeURIComponent(filter)}`
  const name = id === null ? '' : `/${encodeURIComponent(id)}`
  if (kind === 'nodes') return `/nodes${name}${name === '' ? query : ''}`
  if (kind === 'plan') return `/prefetch${name}`
  if (kind === 'layer') return name === '' ? '/images' : `/layers${name}`
  if (kind === 'boots') return '/boots'
  if (kind === 'events') return `/events${query}`
  return kind === 'images' ? `/images${query}` : '/limits'
}
