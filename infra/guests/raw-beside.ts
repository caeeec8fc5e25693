import { execFile } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { access, rename, rm } from 'node:fs/promises'
import { promisify } from 'node:util'

const run = promisify(execFile)

/** The disk that a guest's image shows, as a sparse raw file beside it, which is written once and kept. */
export async function rawBeside(image: string, { signal }: { signal?: AbortSignal } = {}): Promise<string> {
  const raw = image.replace(/\.qcow2$/, '.raw')
  if (raw === image) throw new TypeError(`${image} is not named as a qcow2 image`)
  const isThere = await access(raw).then(
    () => true,
    () => false,
  )
  if (isThere) return raw
  const partial = `${raw}.${randomUUID()}`
  try {
    const args = ['convert', '-f', 'qcow2', '-O', 'raw', image, partial]
    await run('qemu-img', args, signal === undefined ? {} : { signal })
    await rename(partial, raw)
  } finally {
    await rm(partial, { force: true })
  }
  return raw
}
