import { LIMIT_RANGE } from '@shoal/api'
import { Type } from 'typebox'

const nullableText = (description: string) =>
  Type.Union([Type.String({ minLength: 1, maxLength: 4096 }), Type.Null()], { description })
const time = (minimum: number, description: string) =>
  Type.Integer({ minimum, maximum: 86_400_000, description: `${description} Milliseconds.` })

/** The part of the peer's configuration that is about its Glance endpoint. */
export const glanceSection = Type.Object(
  {
    url: Type.Union([Type.String({ pattern: '^https?://[^?#\\s]+$', maxLength: 500 }), Type.Null()], {
      description:
        "Glance's own base URL, without /v2, to which requests are passed. null: this node has no Glance endpoint.",
    }),
    caFile: nullableText("PEM file of the certificates that Glance's is checked with. null: those of the system."),
    host: Type.String({
      minLength: 1,
      maxLength: 4096,
      description: 'Address of the endpoint: that of [glance] endpoint_override in nova.conf.',
    }),
    port: Type.Integer({
      minimum: 0,
      maximum: 65535,
      description: 'TCP port of the endpoint. 0 takes a free one.',
    }),
    sendHost: Type.Enum(['caller', 'glance'], {
      description:
        "The Host that Glance is sent: the client's, so that links lead back here, or Glance's own, for a proxy.",
    }),
    accessCacheMs: time(
      0,
      "How long Glance's word that a caller may download an image holds for the same token. 0: it is asked each time.",
    ),
    waitMs: time(
      0,
      'How long a download waits for its image to be imported; then Glance gives it. 0: it does not wait.',
    ),
    patienceMs: time(
      100,
      'How long nothing of a layer may come, while it is downloaded, before Glance itself gives the rest.',
    ),
    giveUpMs: time(
      1000,
      'How long neither the swarm nor Glance may have the next bytes of a download before it is cut.',
    ),
    silenceMs: time(1000, 'How long Glance may say nothing to a request that is passed on.'),
    maxDownloads: Type.Integer({
      minimum: 1,
      maximum: 1000,
      description: 'Downloads that run at a time; others wait. Each takes 2 MiB of memory.',
    }),
    limitBytesPerSecond: Type.Union([Type.Integer(LIMIT_RANGE), Type.Null()], {
      description:
        'Limit on image data that comes from Glance itself. Bytes per second. null: only the limits of this node hold.',
    }),
  },
  { additionalProperties: false },
)

export const glanceDefaults = {
  url: null,
  caFile: null,
  host: '127.0.0.1',
  port: 7422,
  sendHost: 'caller',
  accessCacheMs: 10_000,
  waitMs: 600_000,
  patienceMs: 10_000,
  giveUpMs: 600_000,
  silenceMs: 600_000,
  maxDownloads: 16,
  limitBytesPerSecond: null,
} as const
