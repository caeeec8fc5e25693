import { type Static, Type } from 'typebox'
import { count, nodeId, nullable, text, time } from './field.ts'

/** Of a certificate request in PEM. */
const MAX_REQUEST_CHARS = 4096
/** Of certificates in PEM: those of an operator's authority may be large. */
const MAX_PEM_CHARS = 65_536
export const MAX_JOIN_TOKENS = 20_000
export const MAX_REVOCATIONS = 20_000
/** The most statements that a seed makes of its signing keys. */
export const MAX_KEY_STATEMENTS = 1024
const MAX_OVERLAP_SECONDS = 366 * 86_400
export const JOIN_TOKEN_LIFETIME_SECONDS = { minimum: 60, maximum: 30 * 86_400, default: 3600 } as const

const request = Type.String({
  minLength: 1,
  maxLength: MAX_REQUEST_CHARS,
  description: 'Certificate request (PKCS #10) in PEM for an EC key on P-256.',
})
const joinTokenId = Type.String({ pattern: '^[0-9a-f]{16}$', maxLength: 16, description: 'Which token.' })

export const JoinRequest = Type.Object(
  {
    token: text('The join token, all four parts of it.', 200),
    node: nodeId('Name of the node that joins.'),
    request,
  },
  { additionalProperties: false, description: 'A node asks to become part of the cluster.' },
)
export type JoinRequest = Static<typeof JoinRequest>

export const CredentialRequest = Type.Object(
  { request },
  { additionalProperties: false, description: 'A node asks for the successor of its certificate.' },
)
export type CredentialRequest = Static<typeof CredentialRequest>

export const IssuedCredential = Type.Object(
  {
    chain: text("The node's certificate, and authorities between it and one that is trusted; PEM.", MAX_PEM_CHARS),
    authorities: text('Certificates of the authorities that this cluster trusts; PEM.', MAX_PEM_CHARS),
    expiresAt: time('When the certificate is over.'),
  },
  { description: 'A certificate for the key that was asked for.' },
)
export type IssuedCredential = Static<typeof IssuedCredential>

export const JoinTokenRequest = Type.Object(
  {
    node: Type.Optional(nodeId('The only node that may use it; any when absent.')),
    lifetimeSeconds: Type.Optional(
      Type.Integer({
        minimum: JOIN_TOKEN_LIFETIME_SECONDS.minimum,
        maximum: JOIN_TOKEN_LIFETIME_SECONDS.maximum,
        description: 'How long it may be used. Seconds; 3600 when absent.',
      }),
    ),
  },
  { additionalProperties: false, description: 'What a new join token is good for: one node, once.' },
)
export type JoinTokenRequest = Static<typeof JoinTokenRequest>

const joinToken = {
  id: joinTokenId,
  node: Type.Union([nodeId('The only node that may use it.'), Type.Null()], { description: 'null: any node, once.' }),
  createdAt: time('When it was made.'),
  expiresAt: time('When it is over.'),
}

export const JoinToken = Type.Object(joinToken, {
  description: 'A join token that was not used yet, without its secret.',
})
export type JoinToken = Static<typeof JoinToken>

export const NewJoinToken = Type.Object(
  { ...joinToken, token: text('The token itself: it is shown this once.', 200) },
  { description: 'A new join token.' },
)
export type NewJoinToken = Static<typeof NewJoinToken>

export const NodeRevocation = Type.Object(
  {
    node: nodeId('The node.'),
    until: time('Every certificate of it that began to hold at this time or before is refused.'),
  },
  { description: 'What was revoked of one node.' },
)
export type NodeRevocation = Static<typeof NodeRevocation>

export const RevocationList = Type.Object(
  {
    revision: count('Grows with every change.'),
    nodes: Type.Array(NodeRevocation, { maxItems: MAX_REVOCATIONS, description: 'By node.' }),
    serials: Type.Array(Type.String({ pattern: '^[0-9A-F]{1,64}$', maxLength: 64, description: 'A serial number.' }), {
      maxItems: MAX_REVOCATIONS,
      description: "Of single certificates: those of the operator's own revocation list. Hexadecimal.",
    }),
  },
  { description: 'Which certificates are refused although their time is not over.' },
)
export type RevocationList = Static<typeof RevocationList>

const keyId = Type.String({
  pattern: '^[0-9a-f]{16}$',
  maxLength: 16,
  description: 'Id of a key: the first 8 bytes of the SHA-256 of its public key, hexadecimal.',
})

export const SigningKey = Type.Object(
  {
    id: keyId,
    publicKey: text('Ed25519, base64url.', 100),
    serial: count('0 of the first key, one more of each successor.'),
    state: Type.Enum(['current', 'trusted', 'retired'], {
      description:
        'current: it signs; trusted: it has a successor, and what it signed is still taken; retired: neither.',
    }),
    since: nullable(time('Since when it signs; null of the first key.')),
    trustedUntil: nullable(time('Until when it is or was trusted; null of the current key.')),
  },
  { description: 'A key that signs manifests and boot profiles, or did.' },
)
export type SigningKey = Static<typeof SigningKey>

export const KeyList = Type.Object(
  {
    keys: Type.Array(SigningKey, { maxItems: MAX_KEY_STATEMENTS + 1, description: 'All of them, the newest first.' }),
    statements: Type.Array(Type.String({ pattern: '^[A-Za-z0-9_-]{224}$', description: 'A statement, base64url.' }), {
      maxItems: MAX_KEY_STATEMENTS,
      description: 'What the keys said of each other, in that order, as docs/formats/key-statement.md describes it.',
    }),
  },
  { description: "The seed's signing keys." },
)
export type KeyList = Static<typeof KeyList>

export const KeyRotationRequest = Type.Object(
  {
    overlapSeconds: Type.Optional(
      Type.Integer({
        minimum: 0,
        maximum: MAX_OVERLAP_SECONDS,
        description:
          'How long what the old key signed is still taken. Seconds; keys.overlapHours of the configuration when absent. 0: for a key that leaked.',
      }),
    ),
  },
  { additionalProperties: false, description: 'How the signing key is replaced.' },
)
export type KeyRotationRequest = Static<typeof KeyRotationRequest>

export const keyParams = Type.Object({ key: keyId }, { additionalProperties: false })

export const ToldTrust = Type.Object(
  {
    keys: count('How many statements there are of signing keys: of another number, they are to be fetched.'),
    revocations: Type.Optional(count('Revision of the revocation list, where nodes have certificates.')),
    dhtKeys: Type.Optional(
      Type.Array(Type.String({ pattern: '^[0-9a-f]{64}$', description: 'A key, 32 bytes in hexadecimal.' }), {
        maxItems: 4,
        description: 'Keys that datagrams of the DHT are marked with, the newest first, where nodes have certificates.',
      }),
    ),
  },
  { description: 'What has changed of whom and what to trust.' },
)
export type ToldTrust = Static<typeof ToldTrust>

export const joinTokenParams = Type.Object({ token: joinTokenId }, { additionalProperties: false })
