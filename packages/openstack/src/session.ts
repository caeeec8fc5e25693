import type { EndpointInterface } from './cloud-auth.ts'

export interface EndpointQuery {
  /** Default: the cloud's own setting. */
  interface?: EndpointInterface | undefined
  region?: string | undefined
  signal?: AbortSignal | undefined
}

/** Who we are to a cloud's services: hands out tokens that are good for a while yet, and addresses of services. */
export interface Session {
  /** A token for `X-Auth-Token`; null when services want none. */
  token(options?: { signal?: AbortSignal | undefined }): Promise<string | null>
  /** Says that a service refused this token, so that the next call of `token` gets another. */
  invalidate(token: string): void
  /** The address of a service, without a slash at its end. */
  endpoint(serviceType: string, query?: EndpointQuery): Promise<string>
  close(): Promise<void>
}
