import { ShoalError } from '@shoal/core'
import { GlanceConnection, type GlanceConnectionOptions } from './glance-connection.ts'
import { isImageId } from './glance-image.ts'
import type { Session } from './session.ts'

/** Bytes that say nothing of the image, but that its data may be had. */
const ONE_BYTE = 'bytes=0-0'

/**
 * Whether Glance lets the holder of a token download an image. The data is what is asked for: policies may let somebody see an image
 * and not download it. Rejects with `SHOAL_GLANCE_UNREACHABLE` and what the session throws.
 */
export async function admitsCaller(
  deps: ConstructorParameters<typeof GlanceConnection>[0],
  options: GlanceConnectionOptions,
  { image, token, signal }: { image: string; token: string; signal?: AbortSignal | undefined },
): Promise<boolean> {
  if (!isImageId(image)) return false
  const session: Session = {
    token: async () => token,
    invalidate: () => {},
    endpoint: (service, query) => deps.session.endpoint(service, query),
    close: async () => {},
  }
  const connection = new GlanceConnection({ ...deps, session }, options)
  try {
    const answer = await connection.get(`/images/${image}/file`, { headers: { range: ONE_BYTE }, signal })
    answer.discard()
    if (answer.status === 200 || answer.status === 206) return true
    // No data yet, or none there: it may be had as soon as there is some.
    if (answer.status === 204 || answer.status === 416) return await mayShow(connection, image, signal)
    return false
  } catch (error) {
    if (error instanceof ShoalError && error.code === 'SHOAL_GLANCE_UNAUTHORIZED') return false
    throw error
  }
}

async function mayShow(connection: GlanceConnection, image: string, signal: AbortSignal | undefined): Promise<boolean> {
  const answer = await connection.get(`/images/${image}`, { signal })
  answer.discard()
  return answer.status === 200
}
