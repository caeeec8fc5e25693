import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { it, type TestContext } from 'node:test'
import { fileURLToPath } from 'node:url'
import { createFixture, MIB, rawImage, type SeedFixture } from './seed-fixture.ts'

const PROCESS = fileURLToPath(new URL('seed-process.ts', import.meta.url))

/** Starts a seed in a process of its own and connects the fixture to it. */
async function spawnSeed(t: TestContext, fixture: SeedFixture): Promise<ChildProcess> {
  const child = spawn(process.execPath, [PROCESS, JSON.stringify(fixture.flags())], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  t.after(async () => {
    if (child.exitCode === null && child.signalCode === null) await kill(child)
  })
  for await (const line of createInterface({ input: child.stdout })) {
    const { msg, url } = JSON.parse(line) as { msg: string; url?: string }
    if (msg !== 'seed is ready' || url === undefined) continue
    fixture.connect(url, (await readFile(join(fixture.stateDirectory, 'operator.token'), 'utf8')).trim())
    child.stdout?.resume()
    return child
  }
  throw new Error('the seed did not start')
}

async function kill(child: ChildProcess): Promise<void> {
  const gone = once(child, 'exit')
  child.kill('SIGKILL')
  await gone
}

it('survives kill -9 in the middle of an import: the library is asked only for the rest', async (t) => {
  const fixture = await createFixture(t)
  const content = rawImage(44 * MIB)
  const image = await fixture.addImage('long', content)
  const first = await spawnSeed(t, fixture)
  const release = fixture.proxy.holdAt(36 * MIB)
  await fixture.client.importImage({ params: { image } })
  // Bytes are counted after those before them were written, so 32 MiB are durable from here on.
  await fixture.until(image, (shown) => (shown.import?.bytesRead ?? 0) > 34 * MIB)
  await kill(first)
  release()
  await spawnSeed(t, fixture)
  const shown = await fixture.imported(image)
  assert.equal(shown.import?.state, 'published')
  assert.equal(shown.layer, `sha256:${createHash('sha256').update(content).digest('hex')}`)
  const [, second] = fixture.proxy.dataRequests
  assert.equal(second?.range, `bytes=${32 * MIB}-`)
  assert.equal(second.sentBytes, 12 * MIB)
  assert.deepEqual(await fixture.stagedFiles(), [])
  assert.equal((await fixture.client.verifyLayer({ params: { layer: shown.layer ?? '' } })).digestMatches, true)
})

it('comes back from kill -9 at any moment of publishing with the layer whole and one read of the library', async (t) => {
  const fixture = await createFixture(t)
  const image = await fixture.addImage('short', rawImage(2 * MIB))
  let child = await spawnSeed(t, fixture)
  await fixture.client.importImage({ params: { image } })
  await fixture.event('import.verifying')
  await kill(child)
  child = await spawnSeed(t, fixture)
  const shown = await fixture.imported(image)
  assert.equal(shown.import?.state, 'published')
  // Everything was durable when the bytes were all read.
  assert.equal(fixture.proxy.sentBytes, 2 * MIB)
  assert.equal((await fixture.client.listLayers()).layers.length, 1)
  assert.equal((await fixture.client.verifyLayer({ params: { layer: shown.layer ?? '' } })).digestMatches, true)
})

it('refuses to start, with a code and exit status, when it cannot', async (t) => {
  const fixture = await createFixture(t)
  const taken = createServer().listen(0, '127.0.0.1')
  await once(taken, 'listening')
  t.after(() => new Promise<void>((resolve) => taken.close(() => resolve())))
  const address = taken.address()
  const port = typeof address === 'object' && address !== null ? String(address.port) : ''
  const run = async (flags: Record<string, string>) => {
    const child = spawn(process.execPath, [
      PROCESS,
      JSON.stringify({ ...fixture.flags(), 'log.level': 'silent', ...flags }),
    ])
    const words = child.stderr.toArray()
    const [code] = (await once(child, 'exit')) as [number]
    return { code, words: Buffer.concat(await words).toString() }
  }
  const inUse = await run({ 'listen.port': port })
  assert.equal(inUse.code, 1)
  assert.match(inUse.words, /SHOAL_HTTP_PORT_IN_USE/)
  const unknown = await run({ 'listen.prot': '1' })
  assert.equal(unknown.code, 2)
  assert.match(unknown.words, /SHOAL_CONFIG_INVALID/)
  const wildcard = await run({ 'swarm.host': '0.0.0.0' })
  assert.equal(wildcard.code, 2)
  assert.match(wildcard.words, /SHOAL_SEED_ADVERTISE/)
  const open = await run({ 'swarm.host': '0.0.0.0', 'swarm.advertiseHost': '192.0.2.1' })
  assert.equal(open.code, 2)
  assert.match(open.words, /SHOAL_SWARM_OPEN/)
})
