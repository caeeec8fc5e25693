import { join } from 'node:path'
import type { BlockDevice } from '../src/block-device.ts'
import type { NbdLimits } from '../src/limits.ts'
import { MemoryDevice } from '../src/memory-device.ts'
import { MemoryExports } from '../src/memory-exports.ts'
import { NbdServer, type NbdServerDeps } from '../src/nbd-server.ts'
import { NbdClient } from './nbd-client.ts'
import { tempDirectory } from './temp-directory.ts'

export interface StartServerOptions extends Partial<NbdServerDeps> {
  readonly device?: BlockDevice
  readonly limits?: Partial<NbdLimits>
}

interface Context {
  after(task: () => Promise<void>): void
}

/** A server on a unix socket with one export, `disk`. It is closed when the test ends. */
export async function startServer(t: Context, { device, limits = {}, ...deps }: StartServerOptions = {}) {
  const exports = new MemoryExports().add('disk', device ?? new MemoryDevice(pattern(1 << 20)), 'a disk')
  const path = join(await tempDirectory(t), 'nbd.sock')
  const server = new NbdServer({ exports, ...deps }, { limits })
  const clients: NbdClient[] = []
  await server.listenUnix(path)
  t.after(async () => {
    for (const client of clients) client.close()
    await server.close({ graceMs: 0 })
  })
  const connect = async () => {
    const client = await NbdClient.connect({ path })
    clients.push(client)
    return client
  }
  const enter = async (options?: Parameters<NbdClient['go']>[1]) => {
    const client = await connect()
    await client.greet()
    await client.go('disk', options)
    return client
  }
  return { server, exports, path, connect, enter }
}

/** Bytes of which no two blocks are alike and none is zeros. */
export function pattern(length: number): Buffer {
  const bytes = Buffer.alloc(length)
  for (let at = 0; at < length; at += 1) bytes[at] = 1 + ((at * 7 + (at >> 9) * 13) % 251)
  return bytes
}
