import type { Manifest } from '@shoal/core'
import type { LayeringJob } from './layering-job.ts'

/** Makes layers that were made of an image known to the fleet. */
export interface ChainPublisher {
  /**
   * Calls `adopt`, which moves the staged file into the store, records the layer, with its parent if it has one, as what the job's image
   * needs in one durable step, then seeds it. Throws `SHOAL_IMAGE_*` if the image is no longer active, `SHOAL_LAYER_WITHDRAWN` if its parent is not.
   */
  publishChain(job: LayeringJob, manifest: Manifest, adopt: () => Promise<unknown>): Promise<void>
}
