import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, beforeEach, suite, test } from 'node:test'
import { type CuttingProxy, startCuttingProxy } from './harness/cutting-proxy.ts'
import { createGlanceSite, type GlanceSite, importAhead } from './harness/glance-site.ts'
import { writeRandomRaw } from './harness/test-images.ts'
import type { Undo } from './harness/undo.ts'
import { until } from './harness/until.ts'

const MIB = 1024 ** 2
const IMAGE_BYTES = 32 * MIB + 4096
/** So fast a node receives, so that a download lasts for long enough to lose something in it. */
const RATE = 6 * MIB
/** No whole sectors: the seed makes no layer of it. */
const ODD_BYTES = 12 * MIB + 1

suite('a download that has begun is finished, whoever fails', () => {
  const stack = new AsyncDisposableStack()
  const undo: Undo = { after: (fn) => stack.defer(async () => void (await fn())) }
  let site: GlanceSite
  let proxy: CuttingProxy

  before(
    async () => {
      site = await createGlanceSite(undo, {
        peers: 2,
        glance: { patienceMs: 1500, giveUpMs: 8000, accessCacheMs: 0 },
        glanceUrl: async ({ glanceUrl }) => {
          proxy = await startCuttingProxy(undo, glanceUrl)
          return proxy.url
        },
        peerConfig: () => ({ limits: { downBytesPerSecond: RATE } }),
      })
    },
    { timeout: 120_000 },
  )

  beforeEach(async () => {
    proxy.isClosed = false
    if (!site.cluster.seed.isRunning) await site.cluster.startSeed()
  })

  after(() => stack.disposeAsync())

  /** Waits until node1 has so much of a layer, in whatever order. */
  const whenHere = (layer: string, bytes: number) =>
    until(
      `${bytes} bytes of ${layer}`,
      async () => {
        const { blocks } = await stat(site.cluster.layerFile('node1', layer))
        return blocks * 512 >= bytes
      },
      { everyMs: 20 },
    )

  async function upload(name: string, sizeBytes: number, seed: number): Promise<{ image: string; sha512: string }> {
    const file = join(site.directory, name)
    await writeRandomRaw(file, sizeBytes, seed)
    const sha512 = createHash('sha512')
      .update(await readFile(file))
      .digest('hex')
    return { image: await site.openstack.uploadImageFast({ name, file, diskFormat: 'raw' }), sha512 }
  }

  /** Downloads an image from node1, and does something when that part of it is here. */
  async function download(image: string, steps: readonly (readonly [part: number, step: () => Promise<unknown>])[]) {
    const headers = { 'x-auth-token': await site.openstack.token('demo') }
    const answer = await fetch(`${site.endpoint('node1')}/v2/images/${image}/file`, { headers })
    assert.equal(answer.status, 200)
    const total = Number(answer.headers.get('content-length'))
    const hash = createHash('sha512')
    const left = [...steps]
    let here = 0
    for await (const chunk of answer.body ?? []) {
      hash.update(chunk)
      here += chunk.length
      const [next] = left
      if (next === undefined || here < next[0] * total) continue
      left.shift()
      await next[1]()
    }
    assert.equal(left.length, 0)
    return { bytes: here, sha512: hash.digest('hex') }
  }

  test('Glance cuts what only it has: it goes on where the cut was', { timeout: 120_000 }, async () => {
    const { image, sha512 } = await upload('odd', ODD_BYTES, 7)
    const cutsBefore = proxy.cuts
    const cut = async () => proxy.cutAfter(2 * MIB, 3)
    assert.deepEqual(await download(image, [[0.1, cut]]), { bytes: ODD_BYTES, sha512 })
    assert.equal(proxy.cuts - cutsBefore, 3)
    const ranges = (await site.openstack.imageReads(image)).map(({ range }) => range)
    assert.ok(ranges.filter((range) => /^bytes=\d+-$/.test(range ?? '')).length >= 3, String(ranges))
  })

  test('Glance dies in the middle of a download from a layer: nobody notices', { timeout: 120_000 }, async () => {
    const { image, sha512 } = await upload('first', IMAGE_BYTES, 1)
    await importAhead(site, image)
    const close = async () => {
      proxy.isClosed = true
    }
    assert.deepEqual(await download(image, [[0.2, close]]), { bytes: IMAGE_BYTES, sha512 })
    proxy.isClosed = false
  })

  test('first the other node dies, then the seed: the rest comes from Glance, is kept, and is checked', {
    timeout: 180_000,
  }, async () => {
    const { image, sha512 } = await upload('second', IMAGE_BYTES, 2)
    const layer = await importAhead(site, image)
    const { cluster } = site
    await cluster.assign(layer, ['node2'])
    await cluster.complete(layer, ['node2'])
    const before = await site.metric('node1', 'shoal_gateway_sent_bytes_total{source="glance"}')
    const reading = download(image, [])
    await whenHere(layer, 0.1 * IMAGE_BYTES)
    await cluster.peer('node2').end('SIGKILL')
    await whenHere(layer, 0.3 * IMAGE_BYTES)
    await cluster.seed.end('SIGKILL')
    const read = await reading
    assert.deepEqual(read, { bytes: IMAGE_BYTES, sha512 })
    const fromGlance = (await site.metric('node1', 'shoal_gateway_sent_bytes_total{source="glance"}')) - before
    assert.ok(fromGlance > 0 && fromGlance < IMAGE_BYTES, `${fromGlance} bytes came from Glance`)

    // All of it is here now: the next download needs nobody but Glance's word.
    assert.deepEqual(await download(image, []), { bytes: IMAGE_BYTES, sha512 })
    const ofBoth = (await site.metric('node1', 'shoal_gateway_sent_bytes_total{source="glance"}')) - before
    assert.equal(ofBoth, fromGlance)
    const whole = (await site.openstack.imageReads(image)).filter(({ range }) => range === null)
    assert.equal(whole.length, 1, 'the import alone has read all of it')
    await cluster.startSeed()
    assert.equal((await cluster.complete(layer, ['node1'])).digest, layer)
    await cluster.startPeers(['node2'])
  })

  test('seed and Glance away: it waits, and goes on when Glance is back', { timeout: 180_000 }, async () => {
    const { image, sha512 } = await upload('third', IMAGE_BYTES, 3)
    const layer = await importAhead(site, image)
    const reading = download(image, [])
    await whenHere(layer, 0.2 * IMAGE_BYTES)
    proxy.isClosed = true
    await site.cluster.seed.end('SIGKILL')
    await until('Glance was asked in vain', async () => proxy.refused > 1)
    proxy.isClosed = false
    assert.deepEqual(await reading, { bytes: IMAGE_BYTES, sha512 })
  })

  test('when nobody has the rest the connection is cut: it does not look like the end of the image', {
    timeout: 180_000,
  }, async () => {
    const { image } = await upload('fourth', IMAGE_BYTES, 4)
    const layer = await importAhead(site, image)
    const reading = download(image, [])
    const failing = assert.rejects(reading, /terminated|ECONNRESET|other side closed/)
    await whenHere(layer, 0.2 * IMAGE_BYTES)
    proxy.isClosed = true
    await site.cluster.seed.end('SIGKILL')
    await failing
    assert.equal(await site.metric('node1', 'shoal_gateway_cut_total'), 1)
  })
})
