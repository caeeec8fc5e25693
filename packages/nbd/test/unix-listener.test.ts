import assert from 'node:assert/strict'
import { lstat, readdir, readFile, rename, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { MemoryDevice } from '../src/memory-device.ts'
import { MemoryExports } from '../src/memory-exports.ts'
import { NbdServer } from '../src/nbd-server.ts'
import { NbdClient } from './nbd-client.ts'
import { tempDirectory } from './temp-directory.ts'

async function newServer(t: Parameters<typeof tempDirectory>[0]) {
  const directory = await tempDirectory(t)
  const server = new NbdServer({ exports: new MemoryExports().add('disk', new MemoryDevice(Buffer.alloc(4096))) })
  t.after(() => server.close({ graceMs: 0 }))
  return { directory, path: join(directory, 'nbd.sock'), server }
}

async function talkTo(path: string): Promise<void> {
  const client = await NbdClient.connect({ path })
  await client.greet()
  await client.go('disk')
  client.close()
}

describe('a unix socket', () => {
  test('is open to its owner alone, or as it is told, and gone after the close', async (t) => {
    const { server, path, directory } = await newServer(t)
    await server.listenUnix(path)
    assert.equal((await lstat(path)).mode & 0o777, 0o600)
    const shared = join(directory, 'shared.sock')
    await server.listenUnix(shared, { mode: 0o660 })
    assert.equal((await lstat(shared)).mode & 0o777, 0o660)
    assert.deepEqual((await readdir(directory)).sort(), ['nbd.sock', 'shared.sock'])
    await Promise.all([talkTo(path), talkTo(shared)])
    await server.close({ graceMs: 0 })
    assert.deepEqual(await readdir(directory), [])
  })

  test('that nobody listens on any more is replaced', async (t) => {
    const { server, path } = await newServer(t)
    await leaveSocketBehind(path)
    assert.ok((await lstat(path)).isSocket())
    await server.listenUnix(path)
    await talkTo(path)
  })

  test('that somebody listens on is left alone', async (t) => {
    const { server, path, directory } = await newServer(t)
    const other = new NbdServer({ exports: new MemoryExports().add('disk', new MemoryDevice(Buffer.alloc(512))) })
    t.after(() => other.close({ graceMs: 0 }))
    await other.listenUnix(path)
    await assert.rejects(server.listenUnix(path), { code: 'SHOAL_NBD_SOCKET_IN_USE' })
    await talkTo(path)
    assert.deepEqual(await readdir(directory), ['nbd.sock'])
  })

  test('does not take the place of a file', async (t) => {
    const { server, path } = await newServer(t)
    await writeFile(path, 'precious')
    await assert.rejects(server.listenUnix(path), { code: 'SHOAL_NBD_LISTEN' })
    assert.equal(await readFile(path, 'utf8'), 'precious')
  })

  test('cannot be in a directory that is not there, nor have a path that is too long', async (t) => {
    const { server, directory } = await newServer(t)
    await assert.rejects(server.listenUnix(join(directory, 'none/nbd.sock')), { code: 'SHOAL_NBD_LISTEN' })
    await assert.rejects(server.listenUnix(join(directory, 'x'.repeat(108))), { code: 'SHOAL_NBD_LISTEN' })
    assert.deepEqual(await readdir(directory), [])
  })
})

test('a TCP port that is taken is an error', async (t) => {
  const { server } = await newServer(t)
  const port = await server.listenTcp({ host: '127.0.0.1', port: 0 })
  for (const host of ['0.0.0.0', '::', '10.0.0.1']) {
    await assert.rejects(server.listenTcp({ host, port: 0 }), { code: 'SHOAL_NBD_OPEN' })
    const tls = { key: '', cert: '' }
    await assert.rejects(server.listenTcp({ host, port: 0, tls }), { code: 'SHOAL_NBD_OPEN' }, 'any client may connect')
  }
  await assert.rejects(server.listenTcp({ host: '127.0.0.1', port }), { code: 'SHOAL_NBD_LISTEN' })
  const client = await NbdClient.connect({ host: '127.0.0.1', port })
  await client.greet()
  await client.go('disk')
  client.close()
})

/** Makes a socket as a killed process leaves it: it is moved away from where its listener will remove it. */
async function leaveSocketBehind(path: string): Promise<void> {
  const listener = createServer()
  await new Promise<void>((resolve) => listener.listen(`${path}.old`, resolve))
  await rename(`${path}.old`, path)
  await new Promise((resolve) => listener.close(resolve))
}
