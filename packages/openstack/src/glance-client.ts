import type { Clock, Logger } from '@shoal/core'
import type { CloudAuth, EndpointInterface, TlsFiles } from './cloud-auth.ts'
import { admitsCaller } from './glance-admits.ts'
import { GlanceConnection } from './glance-connection.ts'
import { type DownloadOptions, downloadImage } from './glance-download.ts'
import type { GlanceImage } from './glance-image.ts'
import { type ListOptions, listImages } from './glance-list.ts'
import { type ShowOptions, showImage } from './glance-show.ts'
import { HttpClient, type HttpTimeouts, SYSTEM_TLS } from './http-client.ts'
import { createKeyManager, type KeyManager } from './key-manager.ts'
import { createKeystoneSession, type KeystoneSessionDeps, type KeystoneSessionOptions } from './keystone-session.ts'
import type { Session } from './session.ts'

export interface GlanceClientOptions {
  /** Glance's address when it is not to be looked up in the catalogue. */
  endpoint?: string | null | undefined
  interface?: EndpointInterface | undefined
  region?: string | null | undefined
  /** PEM file of the authorities to trust in place of the system's; `tls` says the same and more. */
  caFile?: string | null | undefined
  tls?: TlsFiles | undefined
  timeouts?: Partial<HttpTimeouts> | undefined
  /** How often a download is tried again in a row without getting further. Default 5. */
  retries?: number | undefined
}

/** Glance's v2 API as one token sees it. Read only. */
export interface GlanceClient {
  /** The images, oldest first, following the pages. One may come twice when images are deleted meanwhile. */
  list(options?: ListOptions): AsyncIterable<GlanceImage>
  /** One image, or `undefined` when there is none, or none that the token may see. */
  show(id: string, options?: { signal?: AbortSignal | undefined }): Promise<GlanceImage | undefined>
  /**
   * The image's data from `offset` on in one sequential read, resumed after cuts. Whoever has all of it checks the hash
   * ({@link createImageHash}), and `show`s the image again before publishing: it may have been deactivated meanwhile.
   */
  download(image: GlanceImage, options?: DownloadOptions): AsyncIterable<Buffer>
  /**
   * Whether the holder of another token may download an image, be it still without data. Rejects with
   * `SHOAL_GLANCE_UNREACHABLE` and the session's errors.
   */
  admits(image: string, token: string, options?: { signal?: AbortSignal | undefined }): Promise<boolean>
  /** Ends the connections to Glance; the session stays open. */
  close(): Promise<void>
}

/** A client for the Glance that the session's catalogue, or `endpoint`, names. No I/O happens before the first call. */
export function createGlanceClient(
  deps: { session: Session; clock: Clock; logger: Logger; random?: () => number },
  options: GlanceClientOptions = {},
): GlanceClient {
  const { session, clock, logger, random = Math.random } = deps
  const tls = options.tls ?? { ...SYSTEM_TLS, caFile: options.caFile ?? null }
  const http = new HttpClient({ tls, timeouts: options.timeouts })
  const connection = new GlanceConnection({ session, http, clock, random }, options)

  const show = (id: string, showOptions?: ShowOptions) => showImage(connection, id, showOptions)
  return {
    list: (listOptions = {}) => listImages({ connection, logger }, listOptions),
    show,
    admits: (image, token, { signal } = {}) =>
      admitsCaller({ session, http, clock, random }, options, { image, token, signal }),
    download: (image, downloadOptions = {}) =>
      downloadImage({ connection, show, clock, logger, random, retries: options.retries ?? 5 }, image, downloadOptions),
    close: () => http.close(),
  }
}

/** A Glance client, and the key manager of the same cloud; none without a Keystone to name it. */
export interface OpenGlance extends GlanceClient {
  readonly keyManager: KeyManager | undefined
}

/** Session and clients in one, with what {@link readCloudAuth} read; `close` ends all. */
export function openGlance(
  deps: KeystoneSessionDeps,
  auth: CloudAuth,
  options: Pick<GlanceClientOptions, 'timeouts' | 'retries'> & { session?: KeystoneSessionOptions } = {},
): OpenGlance {
  const session = createKeystoneSession(deps, auth, {
    ...(options.timeouts === undefined ? {} : { timeouts: options.timeouts }),
    ...options.session,
  })
  const { interface: wanted, region, tls, imageEndpoint: endpoint } = auth
  const client = createGlanceClient({ ...deps, session }, { ...options, endpoint, interface: wanted, region, tls })
  const { timeouts } = options
  const keyManager =
    auth.method.type === 'none' ? undefined : createKeyManager(session, { interface: wanted, region, tls, timeouts })
  return {
    ...client,
    keyManager,
    async close() {
      await keyManager?.close()
      await client.close()
      await session.close()
    },
  }
}
