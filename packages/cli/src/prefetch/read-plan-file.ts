import { open } from 'node:fs/promises'
import { resolve } from 'node:path'
import type { PrefetchRequest } from '@shoal/api'
import { errorMessage } from '@shoal/core'
import { cliError } from '../errors.ts'
import type { Terminal } from '../terminal.ts'

/** More than any request that the API takes. */
const MAX_BYTES = 16 * 1024 ** 2

/**
 * Reads a request from a file, or from standard input when the path is `-`. Only what the command line itself relies on is
 * checked: the service checks the rest and says what is wrong with it. Throws `SHOAL_CLI_PLAN_FILE`.
 */
export async function readPlanFile(path: string, terminal: Terminal): Promise<PrefetchRequest> {
  const name = path === '-' ? 'standard input' : path
  try {
    const request: unknown = JSON.parse(path === '-' ? await readInput(terminal) : await readText(path, terminal.cwd))
    if (!hasImages(request)) throw new Error('it is no object with images, each with the id or name of one as image')
    return request
  } catch (error) {
    throw cliError('SHOAL_CLI_PLAN_FILE', { path: name, reason: errorMessage(error) }, error)
  }
}

async function readText(path: string, cwd: string): Promise<string> {
  await using file = await open(resolve(cwd, path))
  // Awaited here, since the file is closed at the end of this.
  return await readBounded(file.createReadStream({ autoClose: false }))
}

async function readInput({ stdin }: Terminal): Promise<string> {
  if (stdin === undefined) throw new Error('there is none')
  return readBounded(stdin)
}

async function readBounded(source: AsyncIterable<Uint8Array | string>): Promise<string> {
  const chunks: Uint8Array[] = []
  let bytes = 0
  for await (const chunk of source) {
    const part = typeof chunk === 'string' ? Buffer.from(chunk) : chunk
    bytes += part.length
    if (bytes > MAX_BYTES) throw new Error(`it has more than ${MAX_BYTES} bytes`)
    chunks.push(part)
  }
  return Buffer.concat(chunks).toString('utf8')
}

function hasImages(value: unknown): value is PrefetchRequest {
  if (typeof value !== 'object' || value === null || !('images' in value) || !Array.isArray(value.images)) return false
  return value.images.every(
    (one: unknown) => typeof one === 'object' && one !== null && 'image' in one && typeof one.image === 'string',
  )
}
