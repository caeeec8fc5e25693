import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'

/** Bytes that differ at every offset a test looks at. */
export function someBytes(length: number, seed = 1): Buffer {
  const bytes = Buffer.alloc(length)
  for (let i = 0; i < length; i++) bytes[i] = (i * 31 + (i >> 8) * 7 + seed) & 0xff
  return bytes
}

/** A qcow2 header with this virtual size, and nothing after it. */
export function qcow2Header(virtualSizeBytes: number): Buffer {
  const header = Buffer.alloc(104)
  header.write('QFI\xfb', 'latin1')
  header.writeUInt32BE(3, 4)
  header.writeBigUInt64BE(BigInt(virtualSizeBytes), 24)
  return header
}

/** A directory of its own for a test, holding these files; objects are written as JSON. */
export async function imageDirectory(
  context: TestContext,
  files: Record<string, Uint8Array | string | object> = {},
): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'shoal-library-'))
  context.after(() => rm(directory, { recursive: true, force: true }))
  for (const [name, content] of Object.entries(files)) {
    const isPlain = content instanceof Uint8Array || typeof content === 'string'
    await writeFile(join(directory, name), isPlain ? content : JSON.stringify(content))
  }
  return directory
}
