import { mkdir, open } from 'node:fs/promises'
import { dirname } from 'node:path'

/** Writes a new file and syncs it; its name is durable once its directory was synced. */
export async function writeDurableFile(path: string, data: Uint8Array): Promise<void> {
  await using file = await open(path, 'wx', 0o644)
  await file.writeFile(data)
  await file.sync()
}

/** Makes the entries of a directory durable, or the content of a file. */
export async function syncPath(path: string): Promise<void> {
  await using handle = await open(path, 'r')
  await handle.sync()
}

/** Makes a directory and whatever is missing above it; all of it is durable. */
export async function makeDurableDirectory(path: string): Promise<void> {
  const highest = await mkdir(path, { recursive: true })
  if (highest === undefined) return
  for (let made = path; ; made = dirname(made)) {
    await syncPath(dirname(made))
    if (made === highest || made === dirname(made)) return
  }
}
