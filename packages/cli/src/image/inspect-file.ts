import { type FileHandle, open, stat } from 'node:fs/promises'
import type { Inspection } from '@shoal/api'
import { errorMessage } from '@shoal/core'
import { checkDeclaration, inspectImage } from '@shoal/qcow2/inspect'
import { seedConfigDefaults } from '@shoal/seed'
import { cliError } from '../errors.ts'

/** Inspects a file of this machine as a seed with its default limits would. Throws `SHOAL_CLI_IMAGE_FILE` or `SHOAL_IMAGE_*`. */
export async function inspectFile(
  path: string,
  options: { format: string; allowsBackingFile: boolean; signal: AbortSignal },
): Promise<Inspection> {
  const { format, allowsBackingFile, signal } = options
  await using file = await openFile(path)
  const limits = seedConfigDefaults.images
  const { size: sizeBytes } = await file.stat()
  const declared = checkDeclaration({ id: path, diskFormat: format, containerFormat: 'bare', sizeBytes }, limits)
  const read = async (offset: number, length: number) => {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(length), 0, length, offset)
    return buffer.subarray(0, bytesRead)
  }
  const verdict = await inspectImage({ sizeBytes, read }, { ...declared, allowsBackingFile }, limits, { signal })
  const checks = verdict.checks.map(({ details, ...check }) => ({
    ...check,
    details: Object.fromEntries(Object.entries(details).map(([key, value]) => [key, value ?? null])),
  }))
  return { ...verdict, checks }
}

async function openFile(path: string): Promise<FileHandle> {
  try {
    // Opening a pipe would wait for its writer.
    if (!(await stat(path)).isFile()) throw new Error('it is not a regular file')
    return await open(path)
  } catch (error) {
    throw cliError('SHOAL_CLI_IMAGE_FILE', { path, reason: errorMessage(error) }, error)
  }
}
