import type { Cluster } from './cluster.ts'
import { until } from './until.ts'

/** Imports the library's only image and returns its layer's digest. */
export async function importOnlyImage(cluster: Cluster): Promise<string> {
  const image = await until('the seed sees the image', async () => {
    const { images } = await cluster.client.listImages()
    return images[0]?.id
  })
  const imported = await cluster.import(image)
  if (imported.layer === null) throw new Error(`import failed: ${JSON.stringify(imported.import)}`)
  return imported.layer
}
