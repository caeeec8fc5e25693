import { Type } from 'typebox'
import { nullable } from './field.ts'

// What every list has in common: how its pages are asked for.

/** Entries of a page when `limit` is absent, and the most one page may have. */
export const PAGE_LIMIT = { default: 100, max: 1000 } as const

export const limit = Type.Optional(
  Type.Integer({
    minimum: 1,
    maximum: PAGE_LIMIT.max,
    description: `Entries a page; ${PAGE_LIMIT.default} when absent.`,
  }),
)
export const after = Type.Optional(
  Type.String({ maxLength: 1000, description: 'Where to read on: `next` of the page before.' }),
)
export const next = nullable(
  Type.String({ maxLength: 1000, description: '`after` of the next page; null when this is the last.' }),
)

/** No field but those that are named. */
export const strict = { additionalProperties: false } as const
