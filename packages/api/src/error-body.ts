import { type Static, Type } from 'typebox'
import { text } from './field.ts'

export const ErrorBody = Type.Object(
  {
    code: Type.String({
      pattern: '^[A-Z][A-Z0-9_]*$',
      maxLength: 100,
      description: 'Stable code, SHOAL_<AREA>_<REASON>.',
    }),
    message: text('What went wrong, for people.', 4000),
    hint: text('What to do next, for people.', 4000),
    details: Type.Record(
      Type.String({ maxLength: 100 }),
      Type.Union([Type.String({ maxLength: 10_000 }), Type.Number(), Type.Boolean(), Type.Null()]),
      { maxProperties: 50, description: 'The facts behind the message.' },
    ),
  },
  { description: 'An error as the API and the events show it.' },
)
export type ErrorBody = Static<typeof ErrorBody>

export const ErrorResponse = Type.Object(
  { error: ErrorBody },
  { description: 'The body of every answer that is an error.' },
)
export type ErrorResponse = Static<typeof ErrorResponse>
