import type { Image } from '@shoal/api'
import type { CommandContext } from '../context.ts'
import type { Progress } from '../format/progress.ts'
import { poll } from './poll.ts'

const ENDED: ReadonlySet<string> = new Set(['published', 'failed', 'cancelled'])

/** Whether the import of an image is over, well or not. An image that shares another's layer may have none of its own. */
export function importEnded(image: Image): boolean {
  return image.import === null ? image.layer !== null : ENDED.has(image.import.state)
}

/** Waits until the import of an image ends, and shows how far it is; `onChange` gets every answer that differs. */
export async function followImport(
  context: CommandContext,
  options: { image: string; onChange?: (image: Image) => void },
): Promise<Image> {
  const { client, signal } = context
  const progress = context.output.progress()
  let last: Image | undefined
  try {
    const ask = () => client.showImage({ params: { image: options.image }, signal })
    for await (const image of poll(context, ask, importEnded)) {
      if (JSON.stringify(image) !== JSON.stringify(last)) options.onChange?.(image)
      show(progress, image)
      last = image
    }
  } finally {
    progress.stop()
  }
  if (last === undefined) throw new TypeError('polling ended without an answer')
  return last
}

function show(progress: Progress, image: Image): void {
  const { import: run } = image
  if (run === null) return
  const isReading = run.state === 'reading' || run.state === 'queued'
  progress.update({
    label: `import ${image.name ?? image.id}`,
    doneBytes: run.bytesRead,
    totalBytes: run.bytesTotal,
    rateBytesPerSecond: run.state === 'reading' ? run.rateBytesPerSecond : 0,
    ...(isReading && run.state !== 'queued' ? {} : { note: run.state }),
  })
}
