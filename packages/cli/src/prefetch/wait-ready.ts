import type { WaitResult } from '@shoal/api'
import type { CommandContext } from '../context.ts'
import { countNodes } from './plan-facts.ts'
import { createReconnect } from './reconnect.ts'
import { describeLabel } from './update-lines.ts'

/** The seed is asked to answer after so long at the latest, so that there is something new to show. */
const ROUND_SECONDS = 5
/** An answer that changes nothing and comes sooner is not asked for again before. */
const MIN_ROUND_MS = 500

/**
 * Waits until so many nodes of a plan, which the seed has told of before, are ready; until no more of them will be as things
 * are; or until the time is over, if one is given.
 */
export async function waitReady(
  context: CommandContext,
  { plan, readyShare, timeoutMs }: { readonly plan: string; readonly readyShare: number; readonly timeoutMs?: number },
): Promise<WaitResult> {
  const { client, clock, output, signal } = context
  const endsAt = timeoutMs === undefined ? Number.POSITIVE_INFINITY : clock.elapsed() + timeoutMs
  const reconnect = createReconnect(context)
  const progress = output.progress()
  try {
    for (;;) {
      const askedAt = clock.elapsed()
      const timeoutSeconds = Math.min(ROUND_SECONDS, Math.max(0, (endsAt - askedAt) / 1000))
      try {
        const result = await client.waitPrefetch({ params: { plan }, query: { readyShare, timeoutSeconds }, signal })
        reconnect.succeeded()
        // Before the image is known there is nothing to show.
        if (result.plan.progress.wantedBytes > 0) progress.update(progressOf(result))
        if (result.reached || result.isEnded || clock.elapsed() >= endsAt) return result
      } catch (error) {
        if (clock.elapsed() >= endsAt) throw error
        reconnect.check(error)
        await reconnect.pause()
      }
      const shortMs = Math.min(askedAt + MIN_ROUND_MS, endsAt) - clock.elapsed()
      if (shortMs > 0) await clock.sleep(shortMs, { signal })
    }
  } finally {
    progress.stop()
  }
}

function progressOf({ plan }: WaitResult) {
  const { progress, id, name, state } = plan
  const doing = state === 'running' ? '' : `${state}, `
  return {
    label: describeLabel({ id: id ?? '', name }),
    doneBytes: progress.presentBytes,
    totalBytes: progress.wantedBytes,
    rateBytesPerSecond: progress.bytesPerSecond,
    note: `${doing}${countNodes(progress)}`,
  }
}
