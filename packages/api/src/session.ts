import { type Static, Type } from 'typebox'
import { PersonRole } from './access.ts'
import { Actor } from './actor.ts'
import { time } from './field.ts'

export const SignIn = Type.Object(
  { token: Type.String({ minLength: 1, maxLength: 1000, description: 'A token with the role of a person.' }) },
  { additionalProperties: false, description: 'What signs a browser in.' },
)
export type SignIn = Static<typeof SignIn>

export const Session = Type.Object(
  {
    role: PersonRole,
    actor: Actor,
    expiresAt: Type.Union([time('When a browser has to sign in again; null: it came with a token.'), Type.Null()]),
  },
  { description: 'Who the caller is.' },
)
export type Session = Static<typeof Session>
