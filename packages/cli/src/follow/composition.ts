import type { Client, Composition } from '@shoal/api'
import type { CommandContext } from '../context.ts'
import type { Progress } from '../format/progress.ts'
import { poll } from './poll.ts'
import { createRateWindow } from './rate-window.ts'

/** Whether a composition has ended, well or not. */
export function compositionEnded({ state }: Pick<Composition, 'state'>): boolean {
  return state !== 'queued' && state !== 'composing'
}

/** Waits until a composition of a peer ends, and shows how far it is. */
export async function followComposition(
  context: CommandContext,
  options: { client: Client; name: string },
): Promise<Composition> {
  const { clock, output, signal } = context
  const { client, name } = options
  const progress = output.progress()
  const rate = createRateWindow()
  let last: Composition | undefined
  try {
    const ask = () => client.showComposition({ params: { name }, signal })
    for await (const composition of poll(context, ask, compositionEnded)) {
      show(progress, composition, rate(clock.now(), composition.doneBytes))
      last = composition
    }
  } finally {
    progress.stop()
  }
  if (last === undefined) throw new TypeError('polling ended without an answer')
  return last
}

function show(progress: Progress, composition: Composition, rateBytesPerSecond: number): void {
  const { name, state, doneBytes, totalBytes } = composition
  const isComposing = state === 'composing'
  progress.update({
    label: `compose ${name}`,
    doneBytes,
    totalBytes,
    rateBytesPerSecond: isComposing ? rateBytesPerSecond : 0,
    ...(isComposing ? {} : { note: state }),
  })
}
