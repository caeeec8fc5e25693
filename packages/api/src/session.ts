import { type Static, Type } from 'typebox'
import { time } from './field.ts'

/** Who a session may be: one who reads and acts, or one who reads. */
export const SESSION_ROLES = ['operator', 'viewer'] as const

export const SignIn = Type.Object(
  { token: Type.String({ minLength: 1, maxLength: 1000, description: "The operators' or the viewers' token." }) },
  { additionalProperties: false, description: 'What signs a browser in.' },
)
export type SignIn = Static<typeof SignIn>

export const Session = Type.Object(
  {
    role: Type.Enum([...SESSION_ROLES], { description: 'operator: may act; viewer: may read.' }),
    expiresAt: Type.Union([time('When a browser has to sign in again; null: it came with a token.'), Type.Null()]),
  },
  { description: 'Who the caller is.' },
)
export type Session = Static<typeof Session>
