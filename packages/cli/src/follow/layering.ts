import type { Image } from '@shoal/api'
import type { CommandContext } from '../context.ts'
import { poll } from './poll.ts'
import { createRateWindow } from './rate-window.ts'

const ENDED: ReadonlySet<string> = new Set(['published', 'kept-flat', 'failed', 'cancelled'])

/** Waits until the making of an image's layers ends, and shows how far it is; `onChange` gets every answer that differs. */
export async function followLayering(
  context: CommandContext,
  options: { image: string; onChange?: (image: Image) => void },
): Promise<Image> {
  const { client, signal } = context
  const progress = context.output.progress()
  const rate = createRateWindow()
  let last: Image | undefined
  try {
    const ask = () => client.showImage({ params: { image: options.image }, signal })
    const isOver = ({ layering }: Image) => layering === null || ENDED.has(layering.state)
    for await (const image of poll(context, ask, isOver)) {
      if (JSON.stringify(image) !== JSON.stringify(last)) options.onChange?.(image)
      last = image
      if (image.layering === null) continue
      const { state, doneBytes, totalBytes } = image.layering
      const rateBytesPerSecond = rate(context.clock.now(), doneBytes)
      const label = `layers of ${image.name ?? image.id}`
      progress.update({ label, doneBytes, totalBytes, rateBytesPerSecond, note: state })
    }
  } finally {
    progress.stop()
  }
  if (last === undefined) throw new TypeError('polling ended without an answer')
  return last
}
