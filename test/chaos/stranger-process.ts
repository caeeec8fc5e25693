import { open, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { createClient } from '@shoal/api'
import { type Lie, startLiar } from '../harness/lying-peer.ts'

/** What a stranger is told, as JSON in its only argument. */
export interface StrangerOrder {
  readonly name: string
  readonly host: string
  /** Of the cluster. */
  readonly directory: string
  readonly seedUrl: string
  /** Whether it gives what is right but for a bit now and then, rather than nonsense. */
  readonly corrupts: boolean
}

const LOOK_MS = 300
/** One of so many blocks. */
const SPOILT = 4

/** Joins every layer that not all nodes have, and says on a line of standard output how many blocks it was asked for. */
async function main(order: StrangerOrder): Promise<void> {
  const { name, host, directory, seedUrl, corrupts } = order
  const token = (await readFile(join(directory, 'seed', 'operator.token'), 'utf8')).trim()
  const client = createClient({ baseUrl: seedUrl, token })
  let given = 0
  const lie: Lie = async (layer, offset, length) => {
    given += 1
    const data = corrupts ? await rightBytes(directory, layer, offset, length) : Buffer.alloc(length, 0xee)
    if (corrupts && given % SPOILT === 1) data[length >> 1] = (data[length >> 1] ?? 0) ^ 1
    return data
  }
  const liar = await again(() => startLiar({ client, directory }, { name, host, lie }))
  const joined = new Set<string>()
  for (;;) {
    const { layers } = await client.listLayers().catch(() => ({ layers: [] }))
    for (const { digest, state } of layers) {
      if (state !== 'published' || joined.has(digest)) continue
      const isThere = await liar.join(digest).then(
        () => true,
        () => false,
      )
      if (isThere) joined.add(digest)
    }
    console.log(given)
    await sleep(LOOK_MS)
  }
}

/** From the seed's own file, which this process can see. */
async function rightBytes(directory: string, layer: string, offset: number, length: number): Promise<Buffer> {
  const data = Buffer.alloc(length)
  const path = join(directory, 'seed', 'layers', 'layers', layer.slice('sha256:'.length), 'disk')
  await using file = await open(path, 'r')
  await file.read(data, 0, length, offset)
  return data
}

/** The seed may just be down. */
async function again<T>(act: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      return await act()
    } catch {
      await sleep(LOOK_MS)
    }
  }
}

await main(JSON.parse(process.argv[2] ?? '{}') as StrangerOrder)
