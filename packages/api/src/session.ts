import { type Static, Type } from 'typebox'
import { PersonRole } from './access.ts'
import { Actor } from './actor.ts'
import { time } from './field.ts'

const strict = { additionalProperties: false } as const
const name = (description: string) => Type.String({ minLength: 1, maxLength: 255, description })

export const SignIn = Type.Object(
  {
    token: Type.Optional(
      Type.String({ minLength: 1, maxLength: 1000, description: 'A token of Shoal with the role of a person.' }),
    ),
    cloudToken: Type.Optional(
      Type.String({ minLength: 1, maxLength: 4096, description: 'A token that Keystone gave.' }),
    ),
    cloud: Type.Optional(
      Type.Object(
        {
          user: name('Name of the user.'),
          userDomain: name('Name of the domain that the user is in.'),
          project: name('Name of the project whose roles count.'),
          projectDomain: name('Name of the domain that the project is in.'),
          password: Type.String({ minLength: 1, maxLength: 4096, description: 'Goes to Keystone and is not kept.' }),
        },
        { ...strict, description: 'What Keystone gives a token for.' },
      ),
    ),
  },
  { ...strict, minProperties: 1, maxProperties: 1, description: 'What signs a browser in, in one way.' },
)
export type SignIn = Static<typeof SignIn>

export const SignInWays = Type.Object(
  {
    cloud: Type.Boolean({
      description: 'Whether users of the cloud can sign in, by password or by a token of Keystone.',
    }),
  },
  { description: 'How a browser can sign in.' },
)
export type SignInWays = Static<typeof SignInWays>

export const Session = Type.Object(
  {
    role: PersonRole,
    actor: Actor,
    expiresAt: Type.Union([time('When a browser has to sign in again; null: it came with a token.'), Type.Null()]),
  },
  { description: 'Who the caller is.' },
)
export type Session = Static<typeof Session>
