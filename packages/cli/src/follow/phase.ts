import type { CommandContext } from '../context.ts'
import { createRateWindow } from './rate-window.ts'

/** Progress more often than that is only work. */
const INTERVAL_MS = 100

/** Does a part of a command's own work and shows how far it is. */
export async function showPhase<T>(
  { clock, output }: Pick<CommandContext, 'clock' | 'output'>,
  { label, totalBytes }: { readonly label: string; readonly totalBytes: number },
  task: (onProgress: (doneBytes: number) => void) => Promise<T>,
): Promise<T> {
  const progress = output.progress()
  const rateOf = createRateWindow()
  let shownAt = Number.NEGATIVE_INFINITY
  const show = (doneBytes: number) => {
    const now = clock.now()
    if (doneBytes < totalBytes && now - shownAt < INTERVAL_MS) return
    shownAt = now
    progress.update({ label, doneBytes, totalBytes, rateBytesPerSecond: rateOf(now, doneBytes) })
  }
  try {
    show(0)
    const result = await task(show)
    show(totalBytes)
    return result
  } finally {
    progress.stop()
  }
}
