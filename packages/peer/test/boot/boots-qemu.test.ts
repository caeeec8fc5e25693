import { equal, ok, rejects } from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { promisify } from 'node:util'
import { silentLogger, systemClock } from '@shoal/core'
import { createLayerStore } from '@shoal/layer-store'
import { createMemoryState } from '@shoal/state'
import { diskInQemu } from '../../../../test/harness/disk-in-qemu.ts'
import { undoAfter } from '../../../../test/harness/undo.ts'
import { layeredDisk, qemuImg } from '../compose/layered-disk.ts'
import { testDirectory } from '../peer-fixture.ts'
import { bootingNode } from './booting-node.ts'
import { ChainServer } from './chain-server.ts'

const run = promisify(execFile)
const MIB = 1024 ** 2
const { base, middle, flat } = await layeredDisk({ baseFormat: 'qcow2', sizeBytes: 16 * MIB })
const layer = middle.manifest.digest

/** Layers on disk, a server of their disks, and the boots of a node. */
async function start() {
  const stack = new AsyncDisposableStack()
  const { path: directory } = stack.use(await testDirectory())
  const deps = { state: createMemoryState(), logger: silentLogger, clock: systemClock }
  const store = stack.use(createLayerStore(deps, { directory: join(directory, 'layers') }))
  await store.open()
  const node = stack.use(await bootingNode({ store }))
  for (const { data, ...described } of [base, middle]) await (await store.create(described)).writeBlocks(0, data)
  const serve = async () => {
    const server = await new ChainServer(store, { socket: join(directory, 'nbd.sock') }).start()
    node.server.use(server)
    return server
  }
  const original = join(directory, 'original')
  await writeFile(original, flat)
  let server = await serve()
  stack.defer(() => server[Symbol.asyncDispose]())
  const restart = async () => {
    await node.restart(async () => {
      await server[Symbol.asyncDispose]()
      server = await serve()
    })
  }
  const current = () => server
  return { directory, node, original, restart, current, [Symbol.asyncDispose]: () => stack.disposeAsync() }
}

test('QEMU reads the disk by what describes it, and writes above it only', async (t) => {
  await using it = await start()
  const boot = await it.node.boots.prepare('vm', { layer })
  equal(boot.state, 'ready', JSON.stringify(boot.error))
  await qemuImg('compare', '-f', 'raw', '-F', 'raw', boot.uri, it.original)
  await qemuImg('compare', '-f', 'qcow2', '-F', 'raw', boot.overlay ?? '', it.original)
  const undo = undoAfter(t)
  const guest = await diskInQemu(undo, boot, join(it.directory, 'guest.sock'))
  await qemuImg('compare', '-f', 'raw', '-F', 'raw', guest, it.original)
  await run('qemu-io', ['-f', 'raw', '-c', 'write -P 7 4096 64k', '-c', 'flush', guest])
  await rejects(qemuImg('compare', '-f', 'raw', '-F', 'raw', guest, it.original))
  await qemuImg('compare', '-f', 'raw', '-F', 'raw', boot.uri, it.original)
  const alone = await it.node.boots.prepare('read-only', { layer, overlay: null })
  const reader = await diskInQemu(undo, alone, join(it.directory, 'reader.sock'))
  await qemuImg('compare', '-f', 'raw', '-F', 'raw', reader, it.original)
  await rejects(run('qemu-io', ['-f', 'raw', '-c', 'write 0 512', reader]))
})

test('a machine that is reading when the daemon is restarted goes on by itself, and reads what is right', async (t) => {
  await using it = await start()
  const boot = await it.node.boots.prepare('vm', { layer })
  const reached = Promise.withResolvers<void>()
  // The second half is answered after the restart only.
  it.current().beforeRead = (offset, { signal }) => {
    if (offset < flat.length / 2) return Promise.resolve()
    reached.resolve()
    return new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason), { once: true }))
  }
  const copy = join(it.directory, 'copy')
  const guest = await diskInQemu(undoAfter(t), boot, join(it.directory, 'guest.sock'))
  const copied = run('qemu-img', ['convert', '-f', 'raw', '-O', 'raw', guest, copy])
  copied.catch(() => {})
  await Promise.race([reached.promise, copied])
  await it.restart()
  await it.node.reached('vm', ({ state }) => state === 'ready')
  await copied
  ok((await readFile(copy)).equals(flat))
})

test('a released disk is there for nobody', async () => {
  await using it = await start()
  const { uri } = await it.node.boots.prepare('vm', { layer })
  await it.node.boots.release('vm')
  await rejects(qemuImg('info', '-f', 'raw', uri))
})
