import { deepEqual, equal, match, ok, rejects } from 'node:assert/strict'
import { execFile, spawn } from 'node:child_process'
import { readdir, stat, writeFile } from 'node:fs/promises'
import { connect, type Socket } from 'node:net'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { type TestContext, test } from 'node:test'
import { setImmediate } from 'node:timers/promises'
import { promisify } from 'node:util'
import { seededRandom, silentLogger, steadyClock, systemClock } from '@shoal/core'
import { createLayerStore } from '@shoal/layer-store'
import { createMemoryState } from '@shoal/state'
import { undoAfter } from '../../../../test/harness/undo.ts'
import { NbdBlockServer } from '../../src/boot/block-server.ts'
import { bootSocket } from '../../src/boot/block-server-socket.ts'
import { layersImage } from '../../src/compose/chain-description.ts'
import { type LayeredDisk, layeredDisk, qemuImg } from '../compose/layered-disk.ts'
import { eventually, testDirectory } from '../peer-fixture.ts'
import { StandInSource } from './stand-in-source.ts'

const run = promisify(execFile)
const MIB = 1024 ** 2
const { signal } = new AbortController()

async function start(t: TestContext, layered: LayeredDisk, { readTimeoutMs = 60_000, onRefused = () => {} } = {}) {
  const undo = undoAfter(t)
  const directory = await testDirectory()
  undo.after(async () => directory[Symbol.asyncDispose]())
  const deps = { state: createMemoryState(), logger: silentLogger, clock: systemClock }
  const store = createLayerStore(deps, { directory: join(directory.path, 'layers') })
  await store.open()
  undo.after(() => store.close())
  const { base, middle, flat } = layered
  const layers = [base, middle]
  for (const { data: _, ...described } of layers) await store.create(described)
  const source = new StandInSource(store, layers)
  const failed: string[] = []
  const serve = () => {
    const observe = () => ({ onFailed: ({ error }: { error: { code: string } }) => void failed.push(error.code) })
    const server = new NbdBlockServer(
      { store, source, observe, clock: steadyClock, random: Math.random, logger: silentLogger, onRefused },
      { directory: directory.path, mode: 0o660, readTimeoutMs },
    )
    undo.after(() => server[Symbol.asyncDispose]())
    return server
  }
  const boot = {
    ...{ name: 'vm', image: null, layers: layers.map(({ manifest }) => manifest.digest) },
    virtualSizeBytes: flat.length,
  }
  return { directory: directory.path, store, source, serve, boot, failed, ...layered }
}

function uri({ socket, name }: { socket: string; name: string }): string {
  return `nbd+unix:///${name}?socket=${socket}`
}

/** Answers late and in another order than asked, and fails now and then. */
function unreliable(source: StandInSource, seed: number): void {
  const random = seededRandom(seed)
  source.answer = async (demand) => {
    for (let turns = Math.floor(random() * 40); turns > 0; turns -= 1) await setImmediate()
    if (random() < 0.1) throw new Error('nobody has it')
    if (random() < 0.1) return [{ block: demand.block, bytes: Buffer.from(source.bytes(demand)) }]
    return source.give(demand)
  }
}

for (const baseFormat of ['raw', 'qcow2'] as const) {
  test(`qemu-img sees what it sees in whole layers on a ${baseFormat} base, of which nothing is here yet`, async (t) => {
    const layered = await layeredDisk({ baseFormat, sizeBytes: 8 * MIB })
    const { directory, source, serve, boot, store, base, middle } = await start(t, layered)
    unreliable(source, 3)
    const { socket, reads } = await serve().open(boot, { signal })
    // What qemu-img itself makes of the chain of files.
    const files = [middle, base].map((layer, depth) => ({ path: join(directory, `file-${depth}`), ...layer }))
    for (const { path, data } of files) await writeFile(path, data)
    const original = join(directory, 'original')
    const image = layersImage(files.map(({ path, manifest }) => ({ path, format: manifest.format })))
    await qemuImg('convert', '-O', 'raw', image, original)
    await qemuImg('compare', '-f', 'raw', '-F', 'raw', uri({ socket, name: 'vm' }), original)
    const copy = join(directory, 'copy')
    await qemuImg('convert', '-f', 'raw', '-O', 'raw', uri({ socket, name: '' }), copy)
    await qemuImg('compare', '-f', 'raw', '-F', 'raw', copy, original)
    ok(reads().waitingReads > 0)
    ok(reads().onDemandBytes > 0)
    ok(reads().reads > 0)
    // Holes were told: what nobody stores was not read.
    ok((store.get(base.manifest.digest)?.present.count ?? 0) > 0)
  })
}

test('while somebody opens connections without end, a machine gets its disk and reads it', async (t) => {
  const layered = await layeredDisk({ baseFormat: 'raw', sizeBytes: 4 * MIB })
  let refused = 0
  const { directory, serve, boot, flat } = await start(t, layered, { onRefused: () => (refused += 1) })
  const { socket } = await serve().open(boot, { signal })
  const original = join(directory, 'original')
  await writeFile(original, flat)
  const idle: Socket[] = []
  const open = (count: number) => {
    for (let more = 0; more < count; more += 1) idle.push(connect(socket).on('error', () => {}))
  }
  open(100)
  await eventually(() => refused >= 60 || undefined, { what: 'more than there are places for are turned away' })
  const flood = setInterval(open, 20, 5)
  t.after(() => {
    clearInterval(flood)
    for (const one of idle) one.destroy()
  })
  await qemuImg('compare', '-f', 'raw', '-F', 'raw', uri({ socket, name: 'vm' }), original)
  clearInterval(flood)
})

test('the files of the layers are there beside the disk, for QEMU to put together by itself', async (t) => {
  const layered = await layeredDisk({ baseFormat: 'qcow2', sizeBytes: 4 * MIB })
  const { directory, serve, boot, base, middle, flat } = await start(t, layered)
  const { socket } = await serve().open(boot, { signal })
  const original = join(directory, 'original')
  await writeFile(original, flat)
  const file = (name: string) => ({ driver: 'nbd', server: { type: 'unix', path: socket }, export: name })
  const below = { driver: 'qcow2', file: file(base.manifest.digest), backing: null }
  const chain = { driver: 'qcow2', file: file(middle.manifest.digest), backing: below }
  await qemuImg('compare', '-F', 'raw', `json:${JSON.stringify(chain)}`, original)
})

test('QEMU waits for a block that is late, and does not notice that the server is replaced meanwhile', async (t) => {
  const layered = await layeredDisk({ baseFormat: 'raw', sizeBytes: 4 * MIB })
  const { source, serve, boot, flat } = await start(t, layered)
  const first = serve()
  const { socket } = await first.open(boot, { signal })
  const disk = `driver=raw,file.driver=nbd,file.server.type=unix,file.server.path=${socket},file.export=vm`
  const child = spawn('qemu-io', ['-r', '--image-opts', `${disk},file.reconnect-delay=60`])
  undoAfter(t).after(async () => child.kill('SIGKILL'))
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  const answer = async () => {
    for (;;) {
      const { value, done } = await lines.next()
      if (done) throw new Error('qemu-io has ended')
      if (/^(qemu-io> )?(read \d+\/|read failed|[0-9a-f]{8}:)/.test(value)) return value as string
    }
  }
  const at = 300 * 1024
  const dump = `read -v ${at} 512\n`
  const bytes =
    flat
      .subarray(at, at + 16)
      .toString('hex')
      .match(/../g)
      ?.join(' ') ?? ''
  const waits = Promise.withResolvers<void>()
  source.answer = () => {
    waits.resolve()
    return new Promise(() => {})
  }
  child.stdin.write(dump)
  await waits.promise
  await first[Symbol.asyncDispose]()
  source.answer = (demand) => source.give(demand)
  await serve().open(boot, { signal })
  ok((await answer()).includes(bytes))
})

test('a read that nobody can answer fails after the time that is configured, loudly, and the next is tried again', async (t) => {
  const layered = await layeredDisk({ baseFormat: 'raw', sizeBytes: MIB })
  const { source, serve, boot, failed } = await start(t, layered, { readTimeoutMs: 300 })
  const { socket } = await serve().open(boot, { signal })
  const read = () => run('qemu-io', ['-r', '-f', 'raw', '-c', 'read 300k 4k', uri({ socket, name: 'vm' })])
  source.answer = () => Promise.reject(new Error('nobody has it'))
  await rejects(read(), ({ stdout }: { stdout: string }) => /Input\/output error/.test(stdout))
  ok(failed.length > 0 && failed.every((code) => code === 'SHOAL_BOOT_READ_TIMEOUT'))
  source.answer = (demand) => source.give(demand)
  match((await read()).stdout, /read 4096\/4096/)
})

test('a socket is for its owner and group, at the same path again, and gone when the boot is closed', async (t) => {
  const layered = await layeredDisk({ baseFormat: 'raw', sizeBytes: MIB })
  const { serve, boot, directory } = await start(t, layered)
  const server = serve()
  const open = await server.open(boot, { signal })
  equal(open.socket, join(directory, 'vm.sock'))
  equal((await stat(open.socket)).mode & 0o777, 0o660)
  await open.close()
  await open.close()
  deepEqual(
    (await readdir(directory)).filter((name) => name.endsWith('.sock')),
    [],
  )
  equal((await server.open(boot, { signal })).socket, open.socket)
})

test('names too long for a socket have one all the same, each its own', () => {
  const [one, other] = ['x'.repeat(200), `${'x'.repeat(199)}y`]
  const sockets = [one, other].map((name) => bootSocket(`/${'d'.repeat(79)}`, name))
  for (const path of sockets) ok(Buffer.byteLength(path) <= 107)
  equal(new Set(sockets).size, 2)
  // No name that is left as it is can be taken for another's.
  ok(bootSocket('/run', '-a').length > '/run/-a.sock'.length)
})
