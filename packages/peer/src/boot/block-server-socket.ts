import { createHash } from 'node:crypto'
import { join } from 'node:path'

/** unix(7): 108 with the NUL at the end. */
const MAX_PATH_BYTES = 107
const SUFFIX = '.sock'
/** Begins what no name does that is left as it is. */
const HASHED = '-'

/** The socket of a boot: always the same for a name, since VMs that run come back to it after a restart. */
export function bootSocket(directory: string, name: string): string {
  const path = join(directory, `${name}${SUFFIX}`)
  if (Buffer.byteLength(path) <= MAX_PATH_BYTES && !name.startsWith(HASHED)) return path
  const hash = createHash('sha256').update(name).digest('hex').slice(0, 16)
  return join(directory, `${HASHED}${hash}${SUFFIX}`)
}
