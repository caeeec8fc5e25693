import { deepEqual, equal, ok } from 'node:assert/strict'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { type Operation, operations } from '@shoal/api'
import type { Logger } from '@shoal/core'
import { createPeer, loadPeerConfig } from '@shoal/peer'
import { askAsWritten } from '../../../test/harness/ask-as-written.ts'
import { undoAfter } from '../../../test/harness/undo.ts'
import { signingKey } from './layer-fixture.ts'
import { peerSettings, testDirectory } from './peer-fixture.ts'
import { NODE_TOKEN, StandInSeed } from './stand-in-seed.ts'

const METRICS_TOKEN = 'm'.repeat(43)
const EXAMPLES: Readonly<Record<string, string>> = {
  image: '00000000-0000-4000-8000-000000000000',
  layer: `sha256:${'a'.repeat(64)}`,
}
/** Percent-encoded, what would lead a file name astray where it were taken for one. */
const HOSTILE = [
  '..%2f..%2fetc%2fpasswd',
  '%2e%2e',
  '%2fetc%2fpasswd',
  '..%5c..%5cx',
  'a%00',
  '%252e%252e%252f',
  '~root',
]

interface Line {
  readonly path?: string
  readonly status?: number
  readonly code?: string
  readonly address?: string
}

async function start(t: TestContext) {
  const undo = undoAfter(t)
  const directory = await testDirectory()
  undo.after(async () => directory[Symbol.asyncDispose]())
  const seed = await new StandInSeed({ publicKey: signingKey().publicKey }).start()
  undo.after(async () => seed[Symbol.asyncDispose]())
  const metricsTokenFile = join(directory.path, 'metrics-token')
  await writeFile(metricsTokenFile, METRICS_TOKEN)
  const settings = { ...(await peerSettings(directory.path, seed.url)), 'api.metricsTokenFile': metricsTokenFile }
  const lines: Line[] = []
  const quiet = () => {}
  const info = (facts: object, message: string) => {
    if (message === 'request') lines.push(facts)
  }
  const logger: Logger = { debug: quiet, info, warn: quiet, error: quiet, child: () => logger }
  const peer = createPeer(loadPeerConfig({ env: {}, flags: settings }), { logger })
  undo.after(() => peer.stop())
  await peer.start()
  const own = (await readFile(join(directory.path, 'peer', 'api-token'), 'utf8')).trim()
  const ask = async (method: string, path: string, token?: string) => {
    const body = method === 'GET' || method === 'DELETE' ? {} : { body: '[0]' }
    const headers: Record<string, string> = 'body' in body ? { 'content-type': 'application/json' } : {}
    if (token !== undefined) headers.authorization = `Bearer ${token}`
    const { status, text } = await askAsWritten(peer.apiUrl, path, { method, headers, ...body })
    const isError = status >= 400
    return {
      status,
      code: isError ? (JSON.parse(text) as { error: { code: string } }).error.code : '',
    }
  }
  const served: Operation[] = []
  for (const operation of Object.values<Operation>(operations)) {
    const { code } = await ask(operation.method, pathOf(operation), own)
    if (code !== 'SHOAL_HTTP_NOT_FOUND') served.push(operation)
  }
  return { ask, own, lines, served }
}

function pathOf({ path }: Operation, name?: string): string {
  return path.replaceAll(/\{(\w+)\}/g, (_, param: string) => name ?? EXAMPLES[param] ?? 'none')
}

test("a peer's own API is open to its own token alone, metrics to that of metrics too, and who is refused is logged", async (t) => {
  const { ask, own, lines, served } = await start(t)
  ok(served.length >= 15, `${served.length} operations`)
  // The seed's token for nodes, and any other, is that of nobody here. A certificate says nothing: there is no TLS.
  const nobodies = [undefined, NODE_TOKEN, own.slice(0, -1), '']
  for (const operation of served) {
    const { id, method } = operation
    if (operation.role === 'public') continue
    const path = pathOf(operation)
    for (const token of nobodies) {
      const { status, code } = await ask(method, path, token)
      ok(
        (status === 401 && code === 'SHOAL_HTTP_UNAUTHORIZED') || (status === 429 && code === 'SHOAL_HTTP_FAILURES'),
        id,
      )
    }
    deepEqual(await ask(method, path, METRICS_TOKEN), { status: 403, code: 'SHOAL_HTTP_FORBIDDEN' }, id)
    const { status } = await ask(method, path, own)
    ok(status !== 401 && status !== 403, `${id}: ${status}`)
    const told = lines.filter((line) => line.path === path && line.code === 'SHOAL_HTTP_FORBIDDEN')
    ok(
      told.some((line) => line.status === 403 && line.address === '127.0.0.1'),
      `${id} is not logged`,
    )
    ok(
      lines.some((line) => line.path === path && (line.status === 401 || line.status === 429)),
      `${id} is not logged`,
    )
  }
  const metrics = async (token: string) => (await ask('GET', '/metrics', token).catch(() => ({ status: 200 }))).status
  equal(await metrics(METRICS_TOKEN), 200)
  equal(await metrics(own), 200)
  ok((await metrics(NODE_TOKEN)) >= 400)
})

test('no name in a path leads a peer out of its directories, and each that tries is logged', async (t) => {
  const { ask, own, lines, served } = await start(t)
  let tried = 0
  for (const operation of served.filter(({ path }) => path.includes('{'))) {
    for (const name of HOSTILE) {
      const path = pathOf(operation, name)
      const { status, code } = await ask(operation.method, path, own)
      ok(status === 400 || status === 404, `${operation.id} of ${name}: ${status} ${code}`)
      const line = lines.findLast((one) => one.status === status)
      equal(line?.code, code)
      tried += 1
    }
  }
  ok(tried > 50, `${tried} names`)
})
