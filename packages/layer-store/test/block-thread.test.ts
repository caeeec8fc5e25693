import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, type TestContext, test } from 'node:test'
import { BlockBuffers } from '@shoal/core'
import { BlockThread, type BlockWrite } from '../src/block-thread.ts'

describe('BlockThread', () => {
  test('writes what has the hash where it belongs, and nothing that has not', async (t) => {
    const { thread, block, path } = setUp(t)
    const [good, bad] = [block(1, 100), { ...block(2, 50), hash: Buffer.alloc(32) }]
    assert.equal(await thread.write({ ...good, position: 10 }), true)
    assert.equal(await thread.write({ ...bad, position: 0 }), false)
    assert.deepEqual(readFileSync(path), Buffer.concat([Buffer.alloc(10), Buffer.alloc(100, 1)]))
  })

  test('more jobs than it can hold at a time all end, in order', async (t) => {
    const { thread, block, path } = setUp(t)
    const one = block(3, 4096)
    const order: number[] = []
    const jobs = Array.from({ length: 600 }, async (_, n) => {
      assert.equal(await thread.write({ ...one, position: n * 4096 }), true)
      order.push(n)
    })
    await Promise.all(jobs)
    assert.deepEqual(
      order,
      order.map((_, n) => n),
    )
    assert.deepEqual(readFileSync(path), Buffer.alloc(600 * 4096, 3))
  })

  test('a write that fails is the error that the file system gave', async (t) => {
    const { thread, block } = setUp(t)
    const full = openSync('/dev/full', 'w')
    await assert.rejects(() => thread.write({ ...block(4, 10), fd: full }), { code: 'ENOSPC', syscall: 'write' })
    closeSync(full)
    assert.equal(await thread.write(block(4, 10)), true)
  })

  test('when the thread dies all its jobs fail, and the next one has a new thread', async (t) => {
    const { thread, block, path } = setUp(t)
    const one = block(5, 10)
    // Outside of the thread's memory: nothing that a store does, and nothing that the thread expects.
    const foreign = new BlockBuffers({ count: 9 }).acquire()
    assert.ok(foreign)
    const died = /died/
    await Promise.all([
      assert.rejects(() => thread.write({ ...one, buffer: foreign }), died),
      assert.rejects(() => thread.write(one), died),
    ])
    assert.equal(await thread.write(one), true)
    assert.deepEqual(readFileSync(path), Buffer.alloc(10, 5))
  })

  test('closing fails what is under way; afterwards it starts again', async (t) => {
    const { thread, block } = setUp(t)
    const write = thread.write(block(6, 10))
    await Promise.all([assert.rejects(write, /ended/), thread.close()])
    assert.equal(await thread.write(block(6, 10)), true)
    await thread.close()
    await thread.close()
  })

  test('keeps the process alive while there is something to write, and not any longer', () => {
    const script = `
      import { BlockBuffers } from '@shoal/core'
      import { hash } from 'node:crypto'
      import { openSync } from 'node:fs'
      import { BlockThread } from './src/block-thread.ts'
      const buffers = new BlockBuffers({ count: 1 })
      const buffer = buffers.acquire()
      const fd = openSync('/dev/null', 'w')
      const write = { fd, position: 0, buffer, length: 9, hash: hash('sha256', buffer.payload(9), 'buffer') }
      new BlockThread(buffers.memory).write(write).then((isGood) => console.log(isGood))`
    const output = execFileSync(process.execPath, ['--input-type=module', '-e', script], {
      cwd: join(import.meta.dirname, '..'),
      encoding: 'utf8',
      timeout: 30_000,
    })
    assert.equal(output, 'true\n')
  })
})

/** A thread that writes to a file, and blocks of one byte value for it. */
function setUp(t: TestContext) {
  const directory = mkdtempSync(join(tmpdir(), 'shoal-thread-'))
  const path = join(directory, 'file')
  const fd = openSync(path, 'w+')
  const buffers = new BlockBuffers({ count: 4 })
  const thread = new BlockThread(buffers.memory)
  t.after(async () => {
    await thread.close()
    closeSync(fd)
    rmSync(directory, { recursive: true })
  })
  const block = (value: number, length: number): BlockWrite => {
    const buffer = buffers.acquire()
    assert.ok(buffer)
    const data = buffer.payload(length).fill(value)
    return { fd, position: 0, buffer, length, hash: createHash('sha256').update(data).digest() }
  }
  return { thread, block, path }
}
