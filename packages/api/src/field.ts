import { type TSchema, Type } from 'typebox'

// Fields that every family of schemas shares, so that a size or a digest is bounded the same way everywhere.

/** A count or size that JSON can carry without loss. */
export const count = (description: string) =>
  Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER, description })

/** A size in bytes. */
export const bytes = (description: string) => count(`${description} Bytes.`)

/** A rate in bytes per second. */
export const rate = (description: string) =>
  Type.Number({ minimum: 0, description: `${description} Bytes per second.` })

/** A time as ISO 8601 with a zone (RFC 3339). */
export const time = (description: string) =>
  Type.String({ format: 'date-time', maxLength: 40, description: `${description} ISO 8601.` })

/** A layer's digest. */
export const digest = (description: string) =>
  Type.String({ pattern: '^sha256:[0-9a-f]{64}$', maxLength: 71, description })

/** A Glance image id; Glance makes them as UUIDs. */
export const imageId = (description: string) =>
  Type.String({ pattern: '^[0-9A-Za-z][0-9A-Za-z._-]{0,63}$', maxLength: 64, description })

/** A node's name. */
export const nodeId = (description: string) =>
  Type.String({ pattern: '^[a-z0-9][a-z0-9.-]{0,252}$', maxLength: 253, description })

/** A network address, `host:port`; an IPv6 host stands in brackets. */
export const address = (description: string) =>
  Type.String({ pattern: '^[^\\s/]+:[0-9]{1,5}$', maxLength: 300, description: `${description} host:port.` })

/** 20 bytes as hexadecimal digits: an info hash or a peer id. */
export const hex20 = (description: string) => Type.String({ pattern: '^[0-9a-f]{40}$', maxLength: 40, description })

/** Free text of bounded length. */
export const text = (description: string, maxLength = 1000) => Type.String({ maxLength, description })

/** A zone's or rack's name; empty when the operator gave none. */
export const place = (description: string) =>
  Type.String({
    pattern: '^[0-9A-Za-z._-]*$',
    maxLength: 100,
    description: `${description} Empty when none was given.`,
  })

export const priority = (description: string) =>
  Type.Integer({ minimum: 0, maximum: 100, description: `${description} 0 to 100, higher first.` })

/** A value that may be absent: JSON null. */
export const nullable = <T extends TSchema>(schema: T) => Type.Union([schema, Type.Null()])
