import { mkdtemp, open, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { errorMessage } from '@shoal/core'
import type { RandomWrite } from '@shoal/qcow2'
import { fileSink } from '@shoal/qcow2/file-access'
import { cliError } from '../errors.ts'

/** A file that is gone when it is disposed of. */
export interface TemporaryFile extends AsyncDisposable {
  readonly path: string
}

/** Writes a new file in a directory of its own below `directory`. Throws `SHOAL_CLI_TEMPORARY`, or what `write` throws. */
export async function writeTemporaryFile(
  directory: string,
  write: (sink: RandomWrite) => Promise<unknown>,
): Promise<TemporaryFile> {
  const fault = (error: unknown): never => {
    throw cliError('SHOAL_CLI_TEMPORARY', { directory, reason: errorMessage(error) }, error)
  }
  const own = await mkdtemp(join(directory, '.shoal-publish-')).catch(fault)
  const dispose = () => rm(own, { recursive: true, force: true })
  try {
    const path = join(own, 'middle.qcow2')
    await using file = await open(path, 'wx').catch(fault)
    const sink = fileSink(file)
    await write({ write: (offset, bytes) => sink.write(offset, bytes).catch(fault) })
    return { path, [Symbol.asyncDispose]: dispose }
  } catch (error) {
    await dispose()
    throw error
  }
}
