import { readFile, rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { errorCode, errorMessage, type Logger } from '@shoal/core'
import { type Static, Type } from 'typebox'
import { Value } from 'typebox/value'

export const INDEX_FILE = '.shoal-library.json'

const IndexEntry = Type.Object({
  sizeBytes: Type.Integer({ minimum: 0 }),
  mtimeNs: Type.String(),
  inode: Type.String(),
  sha512: Type.String({ pattern: '^[0-9a-f]{128}$' }),
  md5: Type.String({ pattern: '^[0-9a-f]{32}$' }),
  createdAt: Type.String(),
  updatedAt: Type.String(),
  description: Type.String(),
})
const IndexFile = Type.Object({ version: Type.Literal(1), images: Type.Record(Type.String(), IndexEntry) })

/** What is remembered of a file: its identity, hashes, times, and the description it was last seen with. */
export type IndexEntry = Static<typeof IndexEntry>

/** Reads the index. It is only a cache of hashes and times: a missing or broken one is rebuilt. */
export async function readIndex(logger: Logger, directory: string): Promise<Map<string, IndexEntry>> {
  const path = join(directory, INDEX_FILE)
  try {
    const value: unknown = JSON.parse(await readFile(path, 'utf8'))
    if (Value.Check(IndexFile, value)) return new Map(Object.entries(value.images))
    logger.warn({ path }, 'the index of the image directory is not valid and is rebuilt')
  } catch (error) {
    if (errorCode(error) !== 'ENOENT') {
      logger.warn(
        { path, reason: errorMessage(error) },
        'the index of the image directory cannot be read and is rebuilt',
      )
    }
  }
  return new Map()
}

/** Replaces the index in one step. A directory that is read-only costs the cache, not the service. */
export async function writeIndex(
  logger: Logger,
  directory: string,
  entries: ReadonlyMap<string, IndexEntry>,
): Promise<void> {
  const path = join(directory, INDEX_FILE)
  const staged = `${path}.${process.pid}.tmp`
  try {
    await writeFile(staged, `${JSON.stringify({ version: 1, images: Object.fromEntries(entries) }, null, 2)}\n`)
    await rename(staged, path)
  } catch (error) {
    logger.warn({ path, reason: errorMessage(error) }, 'the index of the image directory cannot be written')
  }
}
