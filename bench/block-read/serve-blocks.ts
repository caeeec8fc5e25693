/**
 * The block service of a daemon in a process of its own: `serve-blocks.ts DIRECTORY FILE FORMAT VIRTUAL_BYTES`. It takes a copy of the file
 * into a store as a layer that is complete, serves its disk, and tells its parent the socket.
 */
import { createHash } from 'node:crypto'
import { copyFile, open } from 'node:fs/promises'
import { join } from 'node:path'
import { chooseGeometry, digestFromBytes, type Manifest, silentLogger, steadyClock, systemClock } from '@shoal/core'
import { createLayerStore } from '@shoal/layer-store'
import { NbdBlockServer } from '@shoal/peer/block-server'
import { createMemoryState } from '@shoal/state'

const [, , directory = '', file = '', format = '', virtualBytes = ''] = process.argv

const store = createLayerStore(
  { state: createMemoryState(), logger: silentLogger, clock: systemClock },
  { directory: join(directory, 'store') },
)
await store.open()
const manifest = await describe(file)
const staged = store.stagingPath('layer')
await copyFile(file, staged)
await store.adopt({ manifest, encodedManifest: Buffer.from('bench'), torrent: Buffer.from('bench') }, staged)
const server = new NbdBlockServer(
  {
    ...{ store, clock: steadyClock, random: Math.random, logger: silentLogger, observe: () => ({}) },
    source: { demand: () => Promise.reject(new Error('all of it is here')), hint: () => {} },
  },
  { directory, mode: 0o600, readTimeoutMs: 60_000 },
)
const boot = { name: 'disk', image: null, layers: [manifest.digest], virtualSizeBytes: manifest.virtualSizeBytes }
const { socket } = await server.open(boot, { signal: new AbortController().signal })
process.send?.({ socket })
// Without a parent nobody would end it.
process.on('disconnect', () => process.exit())

async function describe(path: string): Promise<Manifest> {
  const handle = await open(path)
  const { size } = await handle.stat()
  const geometry = chooseGeometry(size)
  const whole = createHash('sha256')
  const hashes: Buffer[] = []
  const block = Buffer.alloc(geometry.blockLengthBytes)
  for (let at = 0; at < size; at += block.length) {
    const { bytesRead } = await handle.read(block, 0, block.length, at)
    const bytes = block.subarray(0, bytesRead)
    whole.update(bytes)
    hashes.push(createHash('sha256').update(bytes).digest())
  }
  await handle.close()
  return {
    ...geometry,
    digest: digestFromBytes(whole.digest()),
    parent: null,
    kind: 'base',
    format: format === 'qcow2' ? 'qcow2' : 'raw',
    virtualSizeBytes: Number(virtualBytes),
    createdAt: 0,
    infoHash: '0'.repeat(40),
    blockHashes: Buffer.concat(hashes),
  }
}
