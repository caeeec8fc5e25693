import { deepEqual, equal, ok, rejects } from 'node:assert/strict'
import { test } from 'node:test'
import { undoAfter } from '../../../../test/harness/undo.ts'
import { held } from '../boot/stand-in-source.ts'
import { answerOf, bodyOf, send, startEndpoint, when } from './endpoint-fixture.ts'
import { IMAGE } from './stand-in-glance.ts'

const PATH = `/v2/images/${IMAGE}/file`
const MIB = 1024 ** 2

test("a download comes from the layer, under the head of Glance's answer", async (t) => {
  const site = await startEndpoint(undoAfter(t), { sizeBytes: 3 * MIB + 777 })
  const headers = { 'x-auth-token': 'of-the-tenant' }
  const answer = await answerOf(send(site.url, PATH, { headers }).end())
  equal(answer.statusCode, 200)
  equal(site.files.token, 'of-the-tenant', 'the seed is asked in its name')
  equal(answer.headers['content-type'], 'application/octet-stream')
  equal(answer.headers['content-length'], String(3 * MIB + 777))
  equal(answer.headers['content-range'], undefined)
  ok((await bodyOf(answer)).equals(site.fixture.data))
  deepEqual(
    site.glance.got.map(({ url, headers }) => [url, headers.range]),
    [
      [`/v2/images/${IMAGE}`, undefined],
      [PATH, 'bytes=0-0'],
    ],
  )
  await when(() => !site.holds.isHeld(site.fixture.manifest.digest))
  const text = await site.metrics.text()
  ok(text.includes(`shoal_gateway_sent_bytes_total{source="layers"} ${3 * MIB + 777}\n`), text)
})

test('Glance answers what has no layer and what is not plain; where it gives all a cut is mended', async (t) => {
  const { url, files, glance, fixture, metrics } = await startEndpoint(undoAfter(t))
  files.found = 'no-layer'
  let cuts = 2
  const { answer } = glance
  glance.answer = (request, response) => {
    if (request.url !== PATH || cuts === 0) return answer(request, response)
    cuts -= 1
    const from = Number(/\d+/.exec(request.headers.range ?? '0')?.[0])
    const { length } = fixture.data
    const range = { 'content-range': `bytes ${from}-${length - 1}/${length}` }
    response.writeHead(from === 0 ? 200 : 206, { 'content-length': length - from, ...(from === 0 ? {} : range) })
    response.write(fixture.data.subarray(from, from + 100_000), () => response.destroy())
  }
  ok((await bodyOf(await answerOf(send(url, PATH).end()))).equals(fixture.data))
  equal(cuts, 0)
  const part = await answerOf(send(url, PATH, { headers: { range: 'bytes=10-19' } }).end())
  deepEqual([part.statusCode, (await bodyOf(part)).equals(fixture.data.subarray(10, 20))], [206, true])
  const text = await metrics.text()
  ok(text.includes('shoal_gateway_passed_total{reason="no-layer"} 1\n'))
  ok(text.includes('shoal_gateway_passed_total{reason="not-plain"} 1\n'))
})

test('whoever Glance refuses is refused in its words, and holds nothing here', async (t) => {
  const { url, glance, fixture, holds, source } = await startEndpoint(undoAfter(t))
  const { answer } = glance
  glance.answer = (request, response) => {
    if (request.url === PATH) response.writeHead(403, 'Not For You', { 'x-why': 'policy' }).end('no')
    else answer(request, response)
  }
  const refused = await answerOf(send(url, PATH).end())
  deepEqual([refused.statusCode, refused.statusMessage, refused.headers['x-why']], [403, 'Not For You', 'policy'])
  equal((await bodyOf(refused)).toString(), 'no')
  equal(holds.isHeld(fixture.manifest.digest), false)
  equal(source.demands.length, 0)
})

test('an image without a length in its answer, as Debian has it, is not taken for whole when it is cut', async (t) => {
  const { url, files, glance, fixture } = await startEndpoint(undoAfter(t))
  files.found = 'no-layer'
  const { answer } = glance
  glance.answer = (request, response) => {
    if (request.url !== PATH || request.headers.range !== undefined) return answer(request, response)
    // In chunks, since its length is not known beforehand.
    response.write(fixture.data.subarray(0, 5000), () => response.end())
  }
  const whole = await answerOf(send(url, PATH).end())
  equal(whole.headers['content-length'], String(fixture.data.length))
  ok((await bodyOf(whole)).equals(fixture.data))
})

test('so many downloads run at a time, the others wait for their turn', async (t) => {
  const { url, source, downloads, fixture } = await startEndpoint(undoAfter(t), { maxDownloads: 2 })
  const gate = held(source)
  const reading = [1, 2, 3].map(async () => bodyOf(await answerOf(send(url, PATH).end())))
  await when(() => downloads.running === 2 && source.pending.size > 0)
  while (source.pending.size > 0 || downloads.running > 0) {
    ok(downloads.running <= 2)
    for (const demand of source.pending) await gate.let(demand)
    await new Promise(setImmediate)
  }
  for (const bytes of await Promise.all(reading)) ok(bytes.equals(fixture.data))
})

test('a client that goes away ends its download and what was demanded for it', async (t) => {
  const { url, source, downloads, holds, fixture, metrics } = await startEndpoint(undoAfter(t))
  held(source)
  const sent = send(url, PATH).end()
  sent.on('error', () => {})
  await when(() => source.pending.size > 0)
  sent.destroy()
  await when(() => downloads.running === 0)
  equal(source.pending.size, 0)
  equal(holds.isHeld(fixture.manifest.digest), false)
  ok((await metrics.text()).includes('shoal_gateway_cut_total 0\n'))
})

test('when nobody has the rest the connection is cut, and that is counted', async (t) => {
  const { url, source, glance, metrics, downloads } = await startEndpoint(undoAfter(t), {
    ...{ giveUpMs: 1, sizeBytes: 3 * MIB },
  })
  source.answer = (demand) => {
    return demand.block < 8 ? source.give(demand) : Promise.reject(new TypeError('no block'))
  }
  const { answer } = glance
  glance.answer = (request, response) => {
    if (request.headers.range === 'bytes=0-0' || request.url !== PATH) answer(request, response)
    else response.writeHead(404).end()
  }
  const cut = await answerOf(send(url, PATH).end())
  equal(cut.statusCode, 200)
  await rejects(bodyOf(cut), { code: 'ECONNRESET' })
  await when(() => downloads.running === 0)
  ok((await metrics.text()).includes('shoal_gateway_cut_total 1\n'))
})

test('several requests go over one connection, downloads among them', async (t) => {
  const { url, fixture, glance } = await startEndpoint(undoAfter(t))
  for (const path of [PATH, `/v2/images/${IMAGE}`, PATH]) {
    const answer = await fetch(url + path)
    const body = Buffer.from(await answer.arrayBuffer())
    if (path === PATH) ok(body.equals(fixture.data))
  }
  ok(glance.got.length > 4)
})
