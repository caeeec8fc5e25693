import { PAGE_LIMIT } from '@shoal/api'

/** One page of a list that is ordered by key: the entries behind `after`, and where the next page starts. */
export function pageOf<T>(
  entries: readonly T[],
  keyOf: (entry: T) => string,
  { limit = PAGE_LIMIT.default, after }: { limit?: number | undefined; after?: string | undefined },
): { entries: T[]; next: string | null } {
  const rest = after === undefined ? entries : entries.filter((entry) => keyOf(entry) > after)
  const page = rest.slice(0, limit)
  const last = page.at(-1)
  return { entries: page, next: rest.length > limit && last !== undefined ? keyOf(last) : null }
}
