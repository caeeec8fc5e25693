import { lstat, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { errorCode, type Manifest } from '@shoal/core'
import { STAT_BLOCK_BYTES, syncPath } from './durable-file.ts'
import { storeError } from './errors.ts'
import { layerFileStatus } from './layer-file.ts'
import type { StagedFile } from './layer-store.ts'

const STAGING_NAME = /^[A-Za-z0-9_][A-Za-z0-9_.-]{0,199}$/

/** Throws a TypeError unless the name is safe as a file name. */
export function checkStagingName(name: string): string {
  if (!STAGING_NAME.test(name)) throw new TypeError(`staging name ${JSON.stringify(name).slice(0, 100)}`)
  return name
}

/** Makes a staged file durable and gives its inode. Throws `SHOAL_STORE_STAGED_INVALID` if it cannot be the layer. */
export async function prepareStagedFile(manifest: Manifest, path: string): Promise<string> {
  const { digest, sizeBytes } = manifest
  const status = await layerFileStatus(path)
  if (status === undefined) throw storeError('SHOAL_STORE_STAGED_INVALID', { path, digest, reason: 'it is not there' })
  if (status.sizeBytes !== sizeBytes) {
    const reason = `it has ${status.sizeBytes} bytes instead of ${sizeBytes}`
    throw storeError('SHOAL_STORE_STAGED_INVALID', { path, digest, reason })
  }
  await syncPath(path)
  return status.inode
}

/** The staged files in a directory, which need not be there. What else may be in it is left out. */
export async function stagedFiles(directory: string): Promise<StagedFile[]> {
  const names = (await orAbsent(readdir(directory))) ?? []
  const found = names
    .filter((name) => STAGING_NAME.test(name))
    .map(async (name) => {
      const status = await orAbsent(lstat(join(directory, name)))
      return status?.isFile() ? { name, allocatedBytes: status.blocks * STAT_BLOCK_BYTES } : undefined
    })
  return (await Promise.all(found)).filter((file) => file !== undefined)
}

async function orAbsent<T>(lookUp: Promise<T>): Promise<T | undefined> {
  try {
    return await lookUp
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return undefined
    throw error
  }
}
