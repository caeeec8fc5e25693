import { Type } from 'typebox'
import type { EndpointInterface } from './cloud-auth.ts'
import { openstackError } from './errors.ts'

/** Keystone's catalogue as a token's answer carries it; what we do not use is not checked. */
export const CatalogueSchema = Type.Array(
  Type.Object({
    type: Type.String(),
    endpoints: Type.Array(
      Type.Object({
        interface: Type.String(),
        region: Type.Optional(Type.Union([Type.String(), Type.Null()])),
        region_id: Type.Optional(Type.Union([Type.String(), Type.Null()])),
        url: Type.String(),
      }),
    ),
  }),
  { maxItems: 10_000 },
)

export type Catalogue = Type.Static<typeof CatalogueSchema>

/** The address of a service in a region, the first region when none is given. Throws `SHOAL_KEYSTONE_CATALOGUE`. */
export function findEndpoint(
  catalogue: Catalogue,
  query: { service: string; interface: EndpointInterface; region: string | null },
): string {
  const endpoints = catalogue.filter((entry) => entry.type === query.service).flatMap((entry) => entry.endpoints)
  const found = endpoints.find(
    (endpoint) =>
      endpoint.interface.replace(/URL$/, '') === query.interface &&
      (query.region === null || endpoint.region === query.region || endpoint.region_id === query.region),
  )
  if (found !== undefined && URL.parse(found.url) !== null) return found.url.replace(/\/+$/, '')
  const known = endpoints.slice(0, 10).map((endpoint) => `${endpoint.interface} in ${endpoint.region ?? 'no region'}`)
  throw openstackError('SHOAL_KEYSTONE_CATALOGUE', {
    service: query.service,
    interface: query.interface,
    region: query.region ?? '(any)',
    available: known.length === 0 ? 'none of that type' : known.join(', '),
  })
}
