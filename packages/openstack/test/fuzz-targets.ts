import { type FuzzTarget, isTaken, mustHold } from '@shoal/core/fuzz'
import { Compile } from 'typebox/compile'
import { CatalogueSchema, findEndpoint } from '../src/catalogue.ts'
import { parseImage } from '../src/glance-image.ts'
import { readMiddleClaim } from '../src/middle-properties.ts'

const IMAGE = {
  ...{ id: '0b1d3c4e-6a52-4e0f-9d6e-0c8d5a5f7a11', name: 'web', status: 'active', visibility: 'public' },
  ...{ disk_format: 'qcow2', container_format: 'bare', size: 1000, virtual_size: null, tags: ['golden'], owner: 'p' },
  ...{ os_hash_algo: 'sha512', os_hash_value: 'ab'.repeat(64), created_at: '2026-01-01T00:00:00Z', shoal: 'yes' },
  ...{ shoal_middle_base: 'sha256:00', shoal_middle_digest: 'sha256:11' },
}
const CATALOGUE = [
  { type: 'image', endpoints: [{ interface: 'public', region: 'r', region_id: 'r', url: 'http://glance.example/' }] },
]
const WORDS = ['null', '"', '{', '}', '[', ']', '1e999', '-1', '"__proto__":"x"', '"constructor":"x"', '\\u0000', '../']
const Catalogue = Compile(CatalogueSchema)

function parsed(input: Buffer): unknown {
  try {
    return JSON.parse(input.toString())
  } catch {
    return undefined
  }
}

export const fuzzTargets: readonly FuzzTarget[] = [
  {
    name: 'glance-image',
    corpus: [Buffer.from(JSON.stringify(IMAGE))],
    words: WORDS,
    execute: (input) => {
      const image = parseImage(parsed(input))
      if (image === undefined) return false
      mustHold(!/[^0-9a-f-]/i.test(image.id), 'an id that is no UUID')
      mustHold(
        Object.values(image.properties).every((value) => typeof value === 'string'),
        'a property that is no text',
      )
      return isTaken(() => readMiddleClaim(image))
    },
  },
  {
    name: 'keystone-catalogue',
    corpus: [Buffer.from(JSON.stringify(CATALOGUE))],
    words: WORDS,
    execute: (input) => {
      const value = parsed(input)
      if (!Catalogue.Check(value)) return false
      try {
        findEndpoint(value, { service: 'image', interface: 'public', region: null })
      } catch (error) {
        if (!(error instanceof Error && 'code' in error)) throw error
      }
      return true
    },
  },
]
