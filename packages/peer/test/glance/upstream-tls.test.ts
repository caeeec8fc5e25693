import { deepEqual, equal, rejects } from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import type { TLSSocket } from 'node:tls'
import { promisify } from 'node:util'
import { type Undo, undoAfter } from '../../../../test/harness/undo.ts'
import { Upstream } from '../../src/glance/upstream.ts'
import { bodyOf } from './endpoint-fixture.ts'

const run = promisify(execFile)
const { signal } = new AbortController()

/** A Glance with a certificate for `localhost` that nobody else vouches for. */
async function start(undo: Undo) {
  const directory = await mkdtemp(join(tmpdir(), 'shoal-tls-'))
  undo.after(() => rm(directory, { recursive: true, force: true }))
  const [key, cert] = [join(directory, 'key.pem'), join(directory, 'cert.pem')]
  const made = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout', key, '-out', cert]
  const subject = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost', '-days', '2']
  await run('openssl', ['req', '-x509', ...made, ...subject])
  const asked: unknown[] = []
  const server = createServer(
    { key: await readFile(key), cert: await readFile(cert) },
    ({ headers, url, socket }, response) => {
      asked.push([(socket as TLSSocket).servername, headers.host, url])
      response.end('secret')
    },
  )
  server.listen({ host: 'localhost', port: 0 })
  await once(server, 'listening')
  undo.after(async () => void server.close())
  return { cert, port: (server.address() as AddressInfo).port, asked }
}

const options = { sendHost: 'caller', silenceMs: 10_000 } as const
const request = { method: 'GET', path: '/v2', headers: ['Host', '127.0.0.1:7422'], signal }

test("a certificate is checked for Glance's own name, whatever the client calls it", async (t: TestContext) => {
  const { cert, port, asked } = await start(undoAfter(t))
  const good = await Upstream.open({ ...options, url: `https://localhost:${port}/image/`, caFile: cert })
  equal((await bodyOf(await good.send(request))).toString(), 'secret')
  deepEqual(asked, [['localhost', '127.0.0.1:7422', '/image/v2']])
  const stranger = await Upstream.open({ ...options, url: `https://localhost:${port}`, caFile: null })
  await rejects(stranger.send(request), { code: 'SHOAL_GATEWAY_UNREACHABLE' })
  const otherName = await Upstream.open({ ...options, url: `https://127.0.0.1:${port}`, caFile: cert })
  await rejects(otherName.send(request), { code: 'SHOAL_GATEWAY_UNREACHABLE' })
  equal(asked.length, 1)
})

test('a file of certificates that cannot be read ends the start', async () => {
  await rejects(Upstream.open({ ...options, url: 'https://localhost', caFile: '/nowhere.pem' }), {
    code: 'SHOAL_GATEWAY_CERTIFICATE',
  })
})
