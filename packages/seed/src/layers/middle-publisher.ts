import type { Manifest } from '@shoal/core'
import type { LayeringJob } from './layering-job.ts'

/** Makes finished middles known to the fleet. */
export interface MiddlePublisher {
  /**
   * Calls `adopt`, which moves the staged file into the store, records base and middle as what the job's image needs in one durable
   * step, then seeds the middle. Throws `SHOAL_IMAGE_*` if the image is no longer active, `SHOAL_LAYER_WITHDRAWN` if its base is not.
   */
  publishMiddle(job: LayeringJob, manifest: Manifest, adopt: () => Promise<unknown>): Promise<void>
}
