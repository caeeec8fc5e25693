import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { type IncomingMessage, request } from 'node:http'
import { request as requestTls } from 'node:https'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, it, type TestContext } from 'node:test'
import { createClient } from '@shoal/api'
import { loadSeedConfig, startSeed } from '@shoal/seed'
import { type Credential, credentialToPem } from '@shoal/trust'
import { ask, dial, floodLogger, type Heard, type Target, turnedAway, underFlood } from './harness/floods.ts'
import { call, joinAs } from './harness/node-caller.ts'
import { type Undo, undoAfter } from './harness/undo.ts'
import { until } from './harness/until.ts'

/** Who floods, and more than there are places for connections that asked for nothing. */
const FLOODER = '127.66.0.9'
const MANY = 1300
/** The listener of nodes has more places: a fleet comes back at once. */
const MANY_HANDSHAKES = 4400
const REGISTRATION = {
  ...{ swarmAddress: '127.66.0.1:9', swarmPeerId: '61'.repeat(20), zone: 'z1', rack: 'r1' },
  ...{ dhtAddress: null, apiUrl: null, capacityBytes: 1, version: '1' },
}

/** A seed of nodes with certificates, and one of its nodes. */
async function start(undo: Undo, settings: Record<string, string> = {}) {
  const directory = await mkdtemp(join(tmpdir(), 'shoal-floods-'))
  undo.after(() => rm(directory, { recursive: true, force: true }))
  await mkdir(join(directory, 'images'))
  await writeFile(join(directory, 'images', 'a.raw'), Buffer.alloc(65_536, 'a'))
  const ports = ['listen', 'tls', 'swarm', 'tracker', 'dht'].map((name) => [`${name}.port`, '0'])
  const flags = {
    ...Object.fromEntries(ports),
    stateDirectory: join(directory, 'seed'),
    'library.directory': join(directory, 'images'),
    ...settings,
  }
  const heard = floodLogger()
  const seed = await startSeed(loadSeedConfig({ env: {}, flags }), { logger: heard.logger, env: {} })
  undo.after(() => seed.stop())
  const client = createClient({ baseUrl: seed.url, token: seed.operatorToken })
  const authorization = { authorization: `Bearer ${seed.operatorToken}` }
  const target = (url: string): Target => ({ host: '127.0.0.1', port: Number(new URL(url).port), from: FLOODER })
  const askOverview = async () => assert.equal(await ask(`${seed.url}/v1/overview`, authorization), 200)
  return { seed, client, heard, authorization, target, askOverview, ...(await joinNode(seed, client)) }
}

async function joinNode(seed: { nodesUrl: string | undefined }, client: ReturnType<typeof createClient>) {
  if (seed.nodesUrl === undefined) return { askAsNode: async () => {}, credential: undefined }
  const { token } = await client.createJoinToken({ body: { node: 'n1' } })
  const { credential } = await joinAs(seed.nodesUrl, { node: 'n1', token })
  const registered = await call(seed.nodesUrl, { method: 'PUT', path: '/v1/nodes/n1', credential, body: REGISTRATION })
  assert.equal(registered.status, 200)
  const askAsNode = async () => {
    const answer = await call(seed.nodesUrl, { method: 'GET', path: '/v1/nodes/n1/desired-state', credential })
    assert.equal(answer.status, 200)
  }
  return { askAsNode, credential }
}

/** The seed says so: in its overview with who it is, in its metrics, in its log with a rate. */
async function says({ client, heard, seed, authorization }: Awaited<ReturnType<typeof start>>, what: string) {
  const { health } = await until(
    'the overview tells',
    async () => {
      const overview = await client.overview()
      if (overview.health.reasons.some(({ subject }) => subject.filter === what)) return overview
      throw new Error(JSON.stringify(overview.health.reasons))
    },
    { timeoutMs: 5000 },
  )
  const reason = health.reasons.find(({ code, subject }) => code === 'flooded' && subject.filter === what)
  assert.match(reason?.message ?? '', /flooded by 127\.66\.0\.9: about [\d,]+ .* were refused/)
  const text = await (await fetch(`${seed.url}/metrics`, { headers: authorization })).text()
  const [, count] = new RegExp(`shoal_flood_refused_total\\{what="${what}"\\} (\\d+)`).exec(text) ?? []
  assert.ok(Number(count) >= 100, `${count} refusals`)
  assertLogged(heard, what)
}

function assertLogged({ floods }: Heard, what: string): void {
  const lines = floods.filter((line) => line.what === what)
  assert.equal(lines.length, 1, 'one line')
  assert.ok(Number(lines[0]?.perSecond) > 0)
  assert.equal(lines[0]?.address, FLOODER)
}

/** Whether a stream begins, for a node. */
async function streamStatus(url: string, credential: Credential | undefined): Promise<number> {
  const credentials = credential === undefined ? {} : credentialToPem(credential)
  const sent = requestTls(url, { agent: false, rejectUnauthorized: false, ...credentials }).end()
  const [answer] = (await once(sent, 'response')) as [IncomingMessage]
  answer.on('error', () => {})
  sent.on('error', () => {}).destroy()
  return answer.statusCode ?? 0
}

function test(name: string, run: (t: TestContext, undo: Undo) => Promise<void>): void {
  it(name, { timeout: 60_000 }, (t: TestContext) => run(t, undoAfter(t)))
}

describe('a seed goes on answering, and says so, under', () => {
  test('heads that never end (slow-loris)', async (t, undo) => {
    const on = await start(undo)
    const slow = Buffer.from('GET / HTTP/1.1\r\nhost: x\r\nx-slow: ')
    const flood = async (floodUndo: Undo) => {
      const sockets = await dial(floodUndo, on.target(on.seed.url), MANY, slow)
      for (let drop = 0; drop < 5; drop += 1) {
        for (const socket of sockets) if (!socket.destroyed) socket.write('a')
        await on.askOverview()
      }
    }
    await underFlood(t, flood, on.askOverview)
    await says(on, 'http-connection')
  })

  test('TLS handshakes that never end', async (t, undo) => {
    const on = await start(undo)
    const begun = Buffer.from([0x16, 3, 1, 2, 0, 1])
    const flood = async (floodUndo: Undo) =>
      turnedAway(await dial(floodUndo, on.target(on.seed.nodesUrl ?? ''), MANY_HANDSHAKES, begun), 200)
    await underFlood(t, flood, on.askAsNode)
    await says(on, 'http-connection')
  })

  test('more event streams than there are, which leave places to nodes', async (t, undo) => {
    const on = await start(undo, { 'listen.requestsPerSecond': '100000' })
    const head = `GET /v1/events/stream HTTP/1.1\r\nhost: x\r\nconnection: close\r\nauthorization: ${on.authorization.authorization}\r\n\r\n`
    const flood = async (floodUndo: Undo) => {
      await turnedAway(await dial(floodUndo, on.target(on.seed.url), MANY - 150, Buffer.from(head)), 110)
    }
    await underFlood(t, flood, async () => {
      await on.askOverview()
      assert.equal(await streamStatus(`${on.seed.nodesUrl}/v1/nodes/n1/desired-state/watch`, on.credential), 200)
    })
    await says(on, 'event-stream')
  })

  test('bodies and heads that are too long, and requests without end', async (t, undo) => {
    const on = await start(undo, { 'listen.requestsPerSecond': '50' })
    const long = `POST /v1/join-tokens HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\nauthorization: ${on.authorization.authorization}\r\ncontent-length: 9999999\r\n\r\n`
    const answers: Buffer[] = []
    const { client } = on
    const viewer = (await client.createToken({ body: { name: 'ci', role: 'reader' } })).token
    const flood = async (floodUndo: Undo) => {
      const target = on.target(on.seed.url)
      const longBodies = await dial(floodUndo, target, 20, Buffer.from(long))
      const longHeads = await dial(floodUndo, target, 120, Buffer.from(`GET / HTTP/1.1\r\nx: ${'x'.repeat(20_000)}`))
      for (const socket of [...longBodies, ...longHeads]) if (!socket.closed) await once(socket, 'close')
      const request = `GET /v1/events HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${viewer}\r\n\r\n`
      const last = request.replace('host: x', 'host: x\r\nconnection: close')
      const [pipe] = await dial(floodUndo, target, 1)
      pipe?.on('data', (chunk: Buffer) => answers.push(chunk)).write(request.repeat(300) + last)
      if (pipe !== undefined) await once(pipe, 'close')
    }
    let pausedUntil = 0
    await underFlood(t, flood, async () => {
      // Within its own rate.
      if (performance.now() < pausedUntil) return await on.askAsNode()
      pausedUntil = performance.now() + 100
      return await on.askOverview()
    })
    const limited =
      Buffer.concat(answers)
        .toString('latin1')
        .match(/HTTP\/1\.1 429 /g) ?? []
    assert.ok(limited.length > 100, `its own rate is what it gets: ${limited.length}`)
    await says(on, 'http-connection')
    await says(on, 'http-request')
  })

  test('connections to tracker and swarm that say nothing', async (t, undo) => {
    const on = await start(undo)
    const { tracker, swarm } = await on.client.status()
    const [announceUrl = ''] = tracker.announceUrls
    const toSwarm = { ...on.target(`http://${swarm.address}`) }
    const flood = async (floodUndo: Undo) => {
      await turnedAway(await dial(floodUndo, on.target(announceUrl), MANY), 200)
      await turnedAway(await dial(floodUndo, toSwarm, 200), 110)
    }
    await underFlood(t, flood, async () => assert.equal(await ask(announceUrl), 200))
    await says(on, 'tracker-connection')
    await says(on, 'swarm-connection')
  })

  test('websockets: nothing speaks it', async (_t, undo) => {
    const on = await start(undo)
    const { tracker, swarm } = await on.client.status()
    const urls = [on.seed.url, tracker.announceUrls[0] ?? '', `http://${swarm.address}`]
    for (const url of urls) {
      const headers = { 'sec-websocket-key': 'MDEyMzQ1Njc4OWFiY2RlZg==', 'sec-websocket-version': '13' }
      const sent = request(url, { agent: false, headers: { connection: 'Upgrade', upgrade: 'websocket', ...headers } })
      const upgraded = new Promise((_, reject) => sent.once('upgrade', () => reject(new Error(`${url} is one`))))
      const answered = (once(sent.end(), 'response') as Promise<[IncomingMessage]>).then(
        ([answer]) => assert.notEqual(answer.resume().statusCode, 101),
        () => undefined,
      )
      await Promise.race([upgraded, answered])
    }
  })
})
