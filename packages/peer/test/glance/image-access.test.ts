import { deepEqual, equal, ok, rejects } from 'node:assert/strict'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { type TestContext, test } from 'node:test'
import { ManualClock } from '@shoal/core'
import { undoAfter } from '../../../../test/harness/undo.ts'
import { ImageAccess, wholeHead } from '../../src/glance/image-access.ts'
import { giveData, IMAGE, startStandInGlance } from './stand-in-glance.ts'

const DATA = Buffer.from('an image of thirty-one bytes...')
const FACTS = { id: IMAGE, sizeBytes: DATA.length, osHashAlgo: 'sha512', osHashValue: 'ab' }
const record = { id: IMAGE, status: 'active', size: DATA.length, os_hash_algo: 'sha512', os_hash_value: 'AB' }

async function start(t: TestContext, cacheMs = 1000) {
  const glance = await startStandInGlance(undoAfter(t))
  const clock = new ManualClock(1000)
  const access = new ImageAccess({ upstream: glance.upstream, clock }, { cacheMs })
  const image: Record<string, unknown> = { ...record }
  const policy = { file: (request: IncomingMessage, response: ServerResponse) => giveData(DATA, request, response) }
  glance.answer = (request, response) => {
    if (request.headers['x-auth-token'] !== 'good') return void response.writeHead(401).end()
    if (request.url === `/v2/images/${IMAGE}/file`) return policy.file(request, response)
    response.end(JSON.stringify(image))
  }
  const ask = (token = 'good', more: string[] = []) => {
    return { image: IMAGE, headers: ['X-Auth-Token', token, ...more], signal: new AbortController().signal }
  }
  return { glance, clock, access, image, policy, ask }
}

test('an active image may be had by who may see it and read a byte of it', async (t) => {
  const { access, ask, glance } = await start(t)
  deepEqual(await access.facts(ask()), FACTS)
  const head = (await access.admit(FACTS, ask('good', ['Range', 'bytes=5-']))) ?? []
  equal(glance.got.at(-1)?.headers.range, 'bytes=0-0')
  const lines = wholeHead(head, FACTS.sizeBytes).join('\n').toLowerCase()
  ok(lines.includes('content-type\napplication/octet-stream'))
  ok(!lines.includes('content-range'))
  ok(lines.endsWith('content-length\n31'))
})

test('whoever may not see it, or see and not read it, is told nothing by us', async (t) => {
  const { access, ask, policy } = await start(t)
  equal(await access.facts(ask('bad')), undefined)
  policy.file = (_request, response) => response.writeHead(403).end()
  deepEqual(await access.facts(ask()), FACTS)
  equal(await access.admit(FACTS, ask()), undefined)
})

test('an image that is not active, or whose bytes nobody vouches for, is none that we give', async (t) => {
  const { access, ask, image } = await start(t)
  const changes: Record<string, unknown>[] = [{ status: 'deactivated' }, { status: 'queued', size: null }]
  changes.push({ os_hash_value: null }, { id: 'another' }, { size: 0 }, { size: '31' })
  for (const change of changes) {
    Object.assign(image, record, change)
    equal(await access.facts(ask()), undefined, JSON.stringify(change))
  }
})

test('a server that knows no ranges, or speaks of another size, is not believed', async (t) => {
  const { access, ask, policy } = await start(t)
  policy.file = (_request, response) => void response.end(DATA)
  equal(await access.admit(FACTS, ask()), undefined)
  policy.file = (request, response) => giveData(DATA.subarray(1), request, response)
  equal(await access.admit(FACTS, ask()), undefined)
})

test("Glance's word holds for a short time, for this caller and image", async (t) => {
  const { access, ask, glance, clock, policy } = await start(t)
  const both = async (token?: string) => {
    const facts = await access.facts(ask(token))
    return facts === undefined ? undefined : access.admit(facts, ask(token))
  }
  await both()
  equal(glance.got.length, 2)
  policy.file = (_request, response) => response.writeHead(403).end()
  ok((await both()) !== undefined)
  equal(glance.got.length, 2)
  equal(await both('bad'), undefined)
  equal(glance.got.length, 3)
  clock.advance(1000)
  equal(await both(), undefined)
})

test('a refusal is not remembered, and nothing is when nothing is to be', async (t) => {
  const { access, ask, glance, policy } = await start(t, 0)
  policy.file = (_request, response) => response.writeHead(403).end()
  equal(await access.admit(FACTS, ask()), undefined)
  policy.file = (request, response) => giveData(DATA, request, response)
  for (const _ of [1, 2]) ok((await access.admit(FACTS, ask())) !== undefined)
  equal(glance.got.length, 3)
})

test('a Glance that does not answer is an error, not a refusal', async (t) => {
  const { access, ask, glance } = await start(t)
  glance.answer = (request) => request.socket.destroy()
  await rejects(access.facts(ask()), { code: 'SHOAL_GATEWAY_UNREACHABLE' })
})
