import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** A directory that is removed when the test ends. */
export async function tempDirectory(t: { after(task: () => Promise<void>): void }): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'shoal-nbd-'))
  t.after(() => rm(directory, { recursive: true, force: true }))
  return directory
}
