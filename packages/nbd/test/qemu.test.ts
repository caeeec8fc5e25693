import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { type TestContext, test } from 'node:test'
import { MemoryDevice } from '../src/memory-device.ts'
import { MemoryExports } from '../src/memory-exports.ts'
import { NbdServer } from '../src/nbd-server.ts'
import { makeAuthority, makeCertificate } from './certificates.ts'
import { hasClient, runClient } from './run-client.ts'
import { pattern } from './start-server.ts'
import { tempDirectory } from './temp-directory.ts'

const SIZE_BYTES = 1 << 20

function newServer(t: TestContext): NbdServer {
  const content = Buffer.concat([Buffer.alloc(SIZE_BYTES / 2, 5), pattern(SIZE_BYTES / 2)])
  const server = new NbdServer({ exports: new MemoryExports().add('disk', new MemoryDevice(content)) })
  t.after(() => server.close({ graceMs: 0 }))
  return server
}

/** A qemu-io that is told one command after the other. */
function startQemuIo(t: TestContext, options: string) {
  const child = spawn('qemu-io', ['-r', '--image-opts', options])
  t.after(() => child.kill())
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  /** The first line of what comes of a command. */
  const tell = async (command: string): Promise<string> => {
    child.stdin.write(`${command}\n`)
    for (;;) {
      const { value, done } = await lines.next()
      if (done) throw new Error('qemu-io has ended')
      if (/read|wrote|failed/i.test(value) && !/^qemu-io> read -P/.test(value)) return value
    }
  }
  return { tell }
}

test('QEMU does not notice that a server is replaced by another', async (t) => {
  if (!hasClient(t, 'qemu-io')) return
  const path = join(await tempDirectory(t), 'nbd.sock')
  const first = newServer(t)
  await first.listenUnix(path)
  const { tell } = startQemuIo(
    t,
    `driver=raw,file.driver=nbd,file.server.type=unix,file.server.path=${path},file.export=disk,file.reconnect-delay=30`,
  )
  assert.match(await tell('read -P 5 0 64k'), /read 65536\/65536/)
  await first.close({ willReturn: true })
  const late = tell('read -P 5 64k 64k')
  const second = newServer(t)
  await second.listenUnix(path)
  assert.match(await late, /read 65536\/65536/)
  assert.equal(second.connectionCount, 1)
})

test('QEMU reads over TLS, and is refused without a certificate', async (t) => {
  if (!hasClient(t, 'qemu-img')) return
  const [directory, stranger] = [await tempDirectory(t), await tempDirectory(t)]
  const ca = await makeAuthority(directory)
  const keys = await makeCertificate(directory, 'server')
  await makeCertificate(directory, 'client')
  await makeAuthority(stranger)
  const server = newServer(t)
  const port = await server.listenTcp({ host: '127.0.0.1', port: 0, tls: { ...keys, ca } })
  const disk = `driver=raw,file.driver=nbd,file.server.type=inet,file.server.host=127.0.0.1,file.server.port=${port},file.export=disk`
  const check = (certificates: string) =>
    runClient(
      'qemu-io',
      ...['--object', `tls-creds-x509,id=tls,dir=${certificates},endpoint=client`],
      ...['-r', '--image-opts', `${disk},file.tls-creds=tls`, '-c', 'read -P 5 0 512k'],
    )
  assert.match((await check(directory)).output, /read 524288\/524288/)
  assert.notEqual((await check(stranger)).code, 0)
  const plain = await runClient('qemu-io', '-r', '--image-opts', disk, '-c', 'read 0 512')
  assert.match(plain.output, /TLS/)
})
