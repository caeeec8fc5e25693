import type { TObject, TSchema } from 'typebox'
import type { PersonRole } from './access.ts'

/**
 * Who may call an operation: anyone; a service of the cloud that reads numbers; a node about itself (or an operator); or somebody of this
 * role or a higher one.
 */
export type Role = 'public' | 'service' | 'node' | PersonRole

/** One operation of the HTTP API; the server binds it as a route, the client as a method. */
export interface Operation {
  readonly id: string
  readonly method: 'GET' | 'PUT' | 'POST' | 'PATCH' | 'DELETE'
  /** Path with parameters in braces: `/v1/images/{image}`. */
  readonly path: `/${string}`
  readonly role: Role
  /** Family the operation is listed under in the reference. */
  readonly tag: string
  /** One sentence. */
  readonly summary: string
  readonly params?: TObject
  readonly query?: TObject
  /** Request headers by their names in lower case. */
  readonly headers?: TObject
  readonly body?: TSchema
  /** Schema of a JSON answer, or of the data of each message of an event stream. */
  readonly response?: TSchema
  /** Of the answer; `application/json` when absent. */
  readonly contentType?: 'application/octet-stream' | 'text/event-stream'
  /** Status of success; 200 when absent. */
  readonly status?: number
}
