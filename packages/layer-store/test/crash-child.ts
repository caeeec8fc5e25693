// Child of crash.test.ts: works on a store until it is killed and reports, a line each, what must survive.
import { ChildProcess } from 'node:child_process'
import { writeSync } from 'node:fs'
import { open, writeFile } from 'node:fs/promises'
import { Socket } from 'node:net'
import { join } from 'node:path'
import { blockCount, silentLogger, systemClock } from '@shoal/core'
import { createLayerStore } from '@shoal/layer-store'
import { openLevelState } from '@shoal/state'
import { blockSet, CRASH_LAYER, KEEP_LAYER, KEPT_BLOCKS, layerFixture } from './layer-fixture.ts'

const [directory = '', work = '', moment = ''] = process.argv.slice(2)
const state = await openLevelState(join(directory, 'state'))
const deps = { state, logger: silentLogger, clock: systemClock }
const store = createLayerStore(deps, { directory, durableBytes: 64 * 1024, durableMs: 3 })
await store.open()
const report = (line: string) => writeSync(1, `${line}\n`)

if (work === 'write') {
  const fixture = layerFixture(CRASH_LAYER)
  const layer = await store.create(fixture)
  const blocks = [...layer.present.zeros()].sort((a, b) => ((a * 7919) % 1021) - ((b * 7919) % 1021))
  for (let at = 0; at < blocks.length; at += 4) {
    const some = blocks.slice(at, at + 4)
    await Promise.all(some.map((block) => layer.writeBlocks(block, fixture.block(block))))
    if (at % 16 !== 0) continue
    await layer.flush()
    report(some.join(' '))
  }
  report('complete')
} else if (work === 'keep') {
  const fixture = layerFixture(KEEP_LAYER)
  const layer = await store.create(fixture)
  await layer.writeBlocks(0, fixture.content)
  await layer.flush()
  await dieAt(Number(moment))
  await layer.keep(blockSet(layer, KEPT_BLOCKS))
  report('kept')
  process.exit()
} else if (work === 'keep-and-write') {
  const fixture = layerFixture(KEEP_LAYER)
  const layer = await store.create(fixture)
  for (let round = 0; ; round += 1) {
    const writes = Array.from(layer.present.zeros(), (block) => layer.writeBlocks(block, fixture.block(block)))
    const some = Array.from({ length: (round * 7) % 50 }, (_, n) => (n * (1 + (round % 3))) % 64)
    await Promise.all([...writes, layer.keep(blockSet(layer, some))])
    report('kept')
  }
} else {
  // Layers come and go by every way there is; a line says what exists from now on, or is about to go.
  for (let round = 0; ; round += 1) {
    const fixture = layerFixture({ seed: round % 3 })
    const { digest } = fixture.manifest
    const name = `staged-${round % 3}`
    if (round % 2 === 0)
      await (await store.create(fixture)).writeBlocks(0, fixture.block(0, blockCount(fixture.manifest) - 1))
    await writeFile(store.stagingPath(name), fixture.content, { flush: true })
    report(`staged ${round % 3}`)
    await store.adopt(fixture, store.stagingPath(name))
    report(`removing ${round % 3}`)
    await store.remove(digest)
  }
}

/**
 * Kills this process at one of the moments before and after each call that changes files or records, which are numbered from 0 on.
 * The calls of file handles are those of their class, which has no name of its own to be found by.
 */
async function dieAt(moment: number): Promise<void> {
  let passed = 0
  const pass = () => {
    if (passed === moment) process.kill(process.pid, 'SIGKILL')
    passed += 1
  }
  await using handle = await open(directory, 'r')
  const calls: [object, string][] = [
    [state, 'batch'],
    [ChildProcess.prototype, 'spawn'],
    // To the process that frees space.
    [Socket.prototype, 'write'],
  ]
  for (const name of ['truncate', 'datasync', 'sync']) calls.push([Object.getPrototypeOf(handle), name])
  for (const [owner, name] of calls) {
    const call: (...args: unknown[]) => Promise<unknown> = Reflect.get(owner, name)
    Reflect.set(owner, name, async function (this: unknown, ...args: unknown[]) {
      pass()
      const result = await call.apply(this, args)
      pass()
      return result
    })
  }
}
