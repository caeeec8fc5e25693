import type { Client, Image } from '@shoal/api'
import { until } from '../../test/harness/until.ts'

const IMPORT_MS = 900_000
const POLL_MS = 100

/** Has the seed import an image, and waits for it. */
export async function importImage(client: Client, image: string): Promise<Image & { readonly layer: string }> {
  const params = { image }
  await until('the seed knows the image', () => client.showImage({ params }))
  await client.importImage({ params })
  const shown = await until(
    `the import of ${image} ends`,
    async () => {
      const shown = await client.showImage({ params })
      return ['published', 'failed', 'cancelled'].includes(shown.import?.state ?? '') ? shown : undefined
    },
    { timeoutMs: IMPORT_MS, everyMs: POLL_MS },
  )
  const { layer } = shown
  if (layer === null) throw new Error(`the import of ${image} failed: ${JSON.stringify(shown.import?.error)}`)
  return { ...shown, layer }
}
