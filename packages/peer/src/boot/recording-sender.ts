import type { BootRecording } from '@shoal/api'
import { type Clock, errorCode, type Logger } from '@shoal/core'
import { backOffMs } from '../back-off.ts'
import { isNoAnswer, type SeedLink } from '../seed-link.ts'

export interface RecordingSenderDeps {
  readonly seed: Pick<SeedLink, 'call'>
  readonly clock: Clock
  readonly random: () => number
  readonly logger: Logger
}

const TRIES = 5
const WAIT = { firstMs: 5000, lastMs: 60_000 }
/** The seed has too much to do, now. */
const BUSY: ReadonlySet<string> = new Set(['SHOAL_BOOT_PROFILE_BUSY', 'SHOAL_STATE_BUSY'])

/**
 * Sends what was recorded to the seed, and tells whether that wants more of the image; gives up after a few tries, and
 * never throws. It is not kept on disk: until the
 * seed has what it wants it goes on asking for recordings, so that one which is lost costs the profile of one boot,
 * while megabytes of them that outlive their purpose would have to be bounded, sent in order and thrown away.
 */
export async function sendRecording(
  { seed, clock, random, logger }: RecordingSenderDeps,
  recording: BootRecording & { node: string },
  { signal }: { signal: AbortSignal },
): Promise<boolean> {
  const { node, image, profile } = recording
  for (let tries = 1; !signal.aborted; tries += 1) {
    try {
      const call = { params: { node }, body: { image, profile }, signal }
      const { wantsRecordings } = await seed.call((client) => client.recordBoot(call))
      logger.info({ image, chars: profile.length }, 'a recorded boot was sent to the seed')
      return wantsRecordings
    } catch (error) {
      const mayTryAgain = isNoAnswer(error) || BUSY.has(errorCode(error) ?? '')
      if (signal.aborted) return false
      if (!mayTryAgain || tries === TRIES) {
        logger.warn({ image, tries, code: errorCode(error), error }, 'a recorded boot is dropped')
        return false
      }
    }
    await clock.sleep(backOffMs(tries, random, WAIT), { signal }).catch(() => {})
  }
  return false
}
