import { createHash } from 'node:crypto'
import { type Clock, errorMessage, type Logger } from '@shoal/core'
import type { GlanceClient } from '@shoal/openstack'
import type { FastifyRequest } from 'fastify'
import { seedError } from '../errors.ts'
import type { Catalogue } from '../images/catalogue.ts'

export interface ImageRightsDeps {
  readonly library: Pick<GlanceClient, 'admits'>
  readonly catalogue: Pick<Catalogue, 'imagesOf'>
  readonly clock: Pick<Clock, 'now'>
  readonly logger: Logger
}

/** Who asks, as a request shows it. */
export type AskingCaller = Pick<FastifyRequest, 'actor' | 'cloudToken'>

const MAX_KNOWN = 10_000

/**
 * Whether a caller may have an image. Users of the cloud may have what Glance gives them for their own token; tokens of Shoal
 * act for the cloud. What Glance said holds for a short time, for this token and image.
 */
export class ImageRights {
  readonly #deps: ImageRightsDeps
  readonly #cacheMs: number
  readonly #admittedUntil = new Map<string, number>()

  constructor(deps: ImageRightsDeps, options: { readonly cacheMs: number }) {
    this.#deps = deps
    this.#cacheMs = options.cacheMs
  }

  /** Throws `SHOAL_IMAGE_UNKNOWN` for the first that the caller may not have: that there is one is not told. */
  async checkImages(caller: AskingCaller, images: readonly string[]): Promise<void> {
    const token = cloudTokenOf(caller)
    if (token === undefined) return
    for (const image of images) {
      if (!(await this.admits(token, image))) throw seedError('SHOAL_IMAGE_UNKNOWN', { image })
    }
  }

  /** Throws `SHOAL_LAYER_UNKNOWN` unless the caller may have an image with this layer. */
  async checkLayer(caller: AskingCaller, layer: string): Promise<void> {
    const token = cloudTokenOf(caller)
    if (token === undefined) return
    for (const { image } of this.#deps.catalogue.imagesOf(layer as never)) {
      if (await this.admits(token, image.id)) return
    }
    throw seedError('SHOAL_LAYER_UNKNOWN', { layer })
  }

  /** Throws `SHOAL_ACCESS_RULE` for users of the cloud who do not administer it: what a rule does later, nobody can check with a token. */
  checkRule(caller: AskingCaller & Pick<FastifyRequest, 'role'>): void {
    if (cloudTokenOf(caller) !== undefined && caller.role !== 'admin') throw seedError('SHOAL_ACCESS_RULE', {})
  }

  /** Whether Glance gives an image for a token. Rejects with `SHOAL_ACCESS_GLANCE` when Glance cannot say. */
  async admits(token: string, id: string): Promise<boolean> {
    const { library, clock, logger } = this.#deps
    const image = id.toLowerCase()
    const key = `${image} ${createHash('sha256').update(token).digest('base64')}`
    if ((this.#admittedUntil.get(key) ?? 0) > clock.now()) return true
    this.#admittedUntil.delete(key)
    let isAdmitted: boolean
    try {
      isAdmitted = await library.admits(image, token)
    } catch (error) {
      logger.warn({ image, reason: errorMessage(error) }, 'Glance cannot say who may have an image')
      throw seedError('SHOAL_ACCESS_GLANCE', { image, reason: errorMessage(error) }, error)
    }
    if (!isAdmitted) return false
    this.#admittedUntil.set(key, clock.now() + this.#cacheMs)
    const [oldest] = this.#admittedUntil.keys()
    if (this.#admittedUntil.size > MAX_KNOWN && oldest !== undefined) this.#admittedUntil.delete(oldest)
    return true
  }
}

/** Of a caller whom Keystone vouched for; tokens of Shoal and nodes have none that counts. */
function cloudTokenOf({ actor, cloudToken }: AskingCaller): string | undefined {
  // Who is known as a user of the cloud, by whatever means, never acts for the cloud.
  return actor.startsWith('user:') ? (cloudToken ?? '') : undefined
}
