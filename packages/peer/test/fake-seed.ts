import { silentLogger } from '@shoal/core'
import { type SeedApi, SeedLink } from '../src/seed-link.ts'

/** A link to a seed that does what the test says; anything else it is asked is a failure of the test. */
export function fakeSeed(api: Partial<SeedApi>): SeedLink {
  const client = new Proxy(api, {
    get: (target, name) => {
      const method = target[name as keyof SeedApi]
      if (method === undefined) throw new Error(`the seed was not expected to be asked ${String(name)}`)
      return method
    },
  }) as SeedApi
  return new SeedLink({ client, logger: silentLogger }, { url: 'http://seed' })
}
