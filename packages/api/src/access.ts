import { type Static, Type } from 'typebox'
import { Actor } from './actor.ts'
import { count, nullable, text, time } from './field.ts'

const strict = { additionalProperties: false } as const
/** A year: a token that holds for longer is one that is forgotten. */
const MAX_SECONDS = 366 * 86_400

/** The roles that somebody may have, the highest first: each may do what the next may. */
export const PERSON_ROLES = ['admin', 'operator', 'reader'] as const
export const PersonRole = Type.Enum([...PERSON_ROLES], {
  description:
    'admin: everything, limits, tokens, the audit log and taking nodes out of the fleet among it; operator: images, plans, rules, assignments, boots; reader: may look.',
})
export type PersonRole = Static<typeof PersonRole>

/** The name of a token, which its maker gives. */
export const tokenName = (description: string) =>
  Type.String({ pattern: '^[a-z0-9][a-z0-9-]{0,62}$', maxLength: 63, description })

export const TokenRequest = Type.Object(
  {
    name: tokenName('Name of the token; what it does is told under this name.'),
    role: PersonRole,
    lifetimeSeconds: Type.Optional(
      Type.Integer({
        minimum: 60,
        maximum: MAX_SECONDS,
        description: 'How long it holds. Seconds; without end when absent.',
      }),
    ),
  },
  { ...strict, description: 'A token to be made.' },
)
export type TokenRequest = Static<typeof TokenRequest>

export const Token = Type.Object(
  {
    name: tokenName('Name of the token.'),
    role: Type.Enum([...PERSON_ROLES, 'node', 'service'], {
      description: 'What it opens; node: what peer daemons need; service: metrics and the scheduler snapshot.',
    }),
    source: Type.Enum(['file', 'created'], {
      description: 'file: kept in a file of the seed; created: made over the API.',
    }),
    createdAt: nullable(time('When it was made; null: it is kept in a file.')),
    createdBy: nullable(Actor),
    expiresAt: nullable(time('When it stops being taken; null: it does not.')),
    isExpired: Type.Boolean({ description: 'Whether that has passed.' }),
  },
  { description: 'A token, without the secret.' },
)
export type Token = Static<typeof Token>

export const CreatedToken = Type.Object(
  { token: text('The token itself. It is shown this once: the seed keeps its hash alone.', 200), details: Token },
  { description: 'A token that was just made.' },
)
export type CreatedToken = Static<typeof CreatedToken>

export const AUDIT_OUTCOMES = ['done', 'refused', 'failed'] as const

export const AuditEntry = Type.Object(
  {
    id: count('Grows with every entry; give it as `after` to read on.'),
    at: time('When it was answered.'),
    actor: Actor,
    action: text('Id of the operation; none where there is none.', 100),
    subject: text('What it was about: the parameters of its path.', 500),
    outcome: Type.Enum([...AUDIT_OUTCOMES], {
      description: 'done; refused: the caller may not, or not so often; failed: the request could not be carried out.',
    }),
    status: count('HTTP status that it was answered with.'),
    code: nullable(text('Code of the error that it was answered with.', 100)),
    address: text('Where it came from.', 100),
    requestId: text('Id of the request, as in the log.', 100),
    skipped: count('Refusals before this one that were too many to keep.'),
  },
  { description: 'Something that somebody did or wanted to do over the API.' },
)
export type AuditEntry = Static<typeof AuditEntry>
