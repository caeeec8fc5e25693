import { randomBytes } from 'node:crypto'
import { link, open, rename, rm } from 'node:fs/promises'
import { dirname } from 'node:path'

/** Writes a file of mode 0600 that is there whole or not at all; what was there before is replaced. */
export async function replacePrivateFile(path: string, text: string): Promise<void> {
  await through(path, text, (draft) => rename(draft, path))
}

/** The same for a file that must not be there yet: throws `EEXIST`. */
export async function createPrivateFile(path: string, text: string): Promise<void> {
  // link, unlike rename, never replaces what is there.
  await through(path, text, (draft) => link(draft, path))
}

async function through(path: string, text: string, put: (draft: string) => Promise<void>): Promise<void> {
  const draft = `${path}.${randomBytes(6).toString('hex')}.tmp`
  try {
    {
      await using file = await open(draft, 'wx', 0o600)
      await file.writeFile(text)
      await file.sync()
    }
    await put(draft)
  } finally {
    await rm(draft, { force: true })
  }
  await using directory = await open(dirname(path), 'r')
  await directory.sync()
}
