import assert from 'node:assert/strict'
import { it } from 'node:test'
import { createClient, type LimitsWindow, type SeedStatus } from '@shoal/api'
import { NO_TRANSFER_LIMITS } from '@shoal/core'
import { createFixture, MIB, rawImage } from '../seed-fixture.ts'

const MB = 1_000_000
/** Enough for as many windows of five seconds as there may be, at 3 and at 9 MiB/s. */
const SIZE_BYTES = 190 * MIB
const WINDOWS = 3
/** What the status has of the schedule when there is none. */
const unscheduled = { scheduled: null, nextChangeAt: null }

it('limits are set and shown, reach the desired state of every node and survive a restart', async (t) => {
  const fixture = await createFixture(t, {
    'library.limitBytesPerSecond': String(50 * MB),
    'nodes.limits.downBytesPerSecond': String(90 * MB),
  })
  const seed = await fixture.start()
  const configured = {
    libraryBytesPerSecond: 50 * MB,
    seedUpBytesPerSecond: null,
    rackUplinkBytesPerSecond: null,
    node: { ...NO_TRANSFER_LIMITS, downBytesPerSecond: 90 * MB },
  }
  assert.deepEqual(await fixture.client.showLimits(), { ...unscheduled, configured, set: {}, effective: configured })
  const set = { seedUpBytesPerSecond: 30 * MB, node: { crossRackBytesPerSecond: 20 * MB, downBytesPerSecond: null } }
  const effective = {
    libraryBytesPerSecond: 50 * MB,
    seedUpBytesPerSecond: 30 * MB,
    rackUplinkBytesPerSecond: null,
    node: { ...NO_TRANSFER_LIMITS, crossRackBytesPerSecond: 20 * MB },
  }
  assert.deepEqual((await fixture.client.setLimits({ body: set })).effective, effective)

  const node = createClient({ baseUrl: seed.url, token: seed.nodeToken })
  await node.registerNode({
    params: { node: 'n1' },
    body: {
      ...{ zone: '', rack: '', swarmAddress: '127.0.0.1:9', swarmPeerId: 'ab'.repeat(20), dhtAddress: null },
      ...{ apiUrl: null, capacityBytes: 1, version: '1' },
    },
  })
  assert.deepEqual((await node.desiredState({ params: { node: 'n1' } })).limits, effective.node)
  await assert.rejects(node.showLimits(), { code: 'SHOAL_HTTP_FORBIDDEN' })
  await assert.rejects(node.setLimits({ body: {} }), { code: 'SHOAL_HTTP_FORBIDDEN' })

  await fixture.stop()
  await fixture.start()
  assert.deepEqual(await fixture.client.showLimits(), { ...unscheduled, configured, set, effective })
})

it('a limit that could not be meant is refused and changes nothing', async (t) => {
  const fixture = await createFixture(t)
  await fixture.start()
  for (const wrong of [0, -1, 16_383, 1.5 * MB + 0.5, 2e12, '', '50MB/s', '50000000', false, [], {}]) {
    const body = { seedUpBytesPerSecond: MB, libraryBytesPerSecond: wrong as number }
    await assert.rejects(fixture.client.setLimits({ body }), { code: 'SHOAL_HTTP_INVALID' }, JSON.stringify(wrong))
    const node = { upBytesPerSecond: wrong as number }
    await assert.rejects(fixture.client.setLimits({ body: { node } }), { code: 'SHOAL_HTTP_INVALID' })
  }
  const unknown = { body: { node: { upBytesPerSec: MB } as object } }
  await assert.rejects(fixture.client.setLimits(unknown), { code: 'SHOAL_HTTP_INVALID' })
  assert.deepEqual((await fixture.client.showLimits()).set, {})
})

it('a schedule of limits is set and shown, holds at once, and survives a restart', async (t) => {
  const fixture = await createFixture(t, { 'racks.uplinkBytesPerSecond': String(900 * MB) })
  const seed = await fixture.start()
  const { client } = fixture
  assert.deepEqual(await client.showLimitsSchedule(), { windows: [], active: null, nextChangeAt: null })
  const always: LimitsWindow = {
    ...{ name: 'always', from: '00:00', to: '00:00', timeZone: 'Asia/Tokyo' },
    limits: { libraryBytesPerSecond: 60 * MB, rackUplinkBytesPerSecond: null },
  }
  const never: LimitsWindow = { ...always, name: 'never', days: ['mon', 'fri'], limits: {} }
  const windows = [always, never]
  const expected = { windows, active: 'always', nextChangeAt: null }
  assert.deepEqual(await client.setLimitsSchedule({ body: { windows } }), expected)
  assert.equal(seed.status().library.limitBytesPerSecond, 60 * MB)

  await fixture.stop()
  const again = await fixture.start()
  assert.deepEqual(await fixture.client.showLimitsSchedule(), expected)
  assert.equal(again.status().library.limitBytesPerSecond, 60 * MB)
  const { scheduled, configured, effective } = await fixture.client.showLimits()
  assert.deepEqual(scheduled, { window: 'always', limits: always.limits })
  assert.deepEqual([configured.rackUplinkBytesPerSecond, effective.rackUplinkBytesPerSecond], [900 * MB, null])
  const node = createClient({ baseUrl: again.url, token: again.nodeToken })
  await assert.rejects(node.setLimitsSchedule({ body: { windows: [] } }), { code: 'SHOAL_HTTP_FORBIDDEN' })
  await assert.rejects(node.showLimitsSchedule(), { code: 'SHOAL_HTTP_FORBIDDEN' })
})

it('a schedule that could not be meant is refused and changes nothing', async (t) => {
  const fixture = await createFixture(t)
  await fixture.start()
  const window: LimitsWindow = { name: 'night', from: '22:00', to: '06:00', timeZone: 'Europe/Berlin', limits: {} }
  const refuse = async (code: string, ...windows: object[]) => {
    const body = { windows: windows as LimitsWindow[] }
    await assert.rejects(fixture.client.setLimitsSchedule({ body }), { code }, JSON.stringify(windows))
  }
  for (const wrong of [
    ...['24:00', '7:00', '07:60', '', 7].flatMap((time) => [{ from: time }, { to: time }]),
    ...[[], ['mon', 'mon'], ['monday'], 'mon'].map((days) => ({ days })),
    ...[
      { libraryBytesPerSecond: 0 },
      { libraryBytesPerSecond: 'configured' },
      { library: MB },
      { node: { up: MB } },
    ].map((limits) => ({ limits })),
    ...[
      { name: '' },
      { name: 'a b' },
      { timeZone: '' },
      { timeZone: '+02:00' },
      { zone: 'UTC' },
      { limits: undefined },
    ],
  ]) {
    await refuse('SHOAL_HTTP_INVALID', { ...window, ...wrong })
  }
  await refuse('SHOAL_HTTP_INVALID', ...Array.from({ length: 33 }, (_, index) => ({ ...window, name: `w${index}` })))
  await refuse('SHOAL_LIMITS_WINDOW_NAME', window, { ...window, from: '21:00' })
  await refuse('SHOAL_LIMITS_TIME_ZONE', { ...window, timeZone: 'Europe/Atlantis' })
  assert.deepEqual((await fixture.client.showLimitsSchedule()).windows, [])
})

it('a limit on the library that is changed midway holds within 5 % before and after', async (t) => {
  const [slow, fast] = [3 * MIB, 9 * MIB]
  const fixture = await createFixture(t, { 'library.limitBytesPerSecond': String(slow) })
  const image = await fixture.addImage('large', rawImage(SIZE_BYTES))
  const seed = await fixture.start()
  const read = (): SeedStatus['library'] => seed.status().library
  /** How far what is read in a second, over five of them, is off a limit. */
  const measure = async (limit: number) => {
    const begin = { at: performance.now(), bytes: read().readBytes }
    await new Promise((resolve) => setTimeout(resolve, 5000))
    return (((read().readBytes - begin.bytes) / (performance.now() - begin.at)) * 1000) / limit - 1
  }
  /** On a machine that is busy some windows miss it: reads are late, and catch up in the next one. A limit that is another misses all. */
  const isHeld = async (limit: number) => {
    const errors: number[] = []
    for (let window = 0; window < WINDOWS; window += 1) {
      const error = await measure(limit)
      if (Math.abs(error) <= 0.05) return
      errors.push(error)
    }
    assert.fail(`off the limit by ${errors.map((error) => `${(error * 100).toFixed(1)} %`).join(', ')}`)
  }
  await fixture.client.importImage({ params: { image } })
  await fixture.until(image, (shown) => (shown.import?.bytesRead ?? 0) > MIB)
  await isHeld(slow)
  await fixture.client.setLimits({ body: { libraryBytesPerSecond: fast } })
  assert.equal(read().limitBytesPerSecond, fast)
  await isHeld(fast)
  const begin = { at: performance.now(), bytes: read().readBytes }
  await fixture.client.setLimits({ body: { libraryBytesPerSecond: null } })
  const shown = await fixture.imported(image)
  assert.equal(shown.import?.state, 'published')
  const rate = ((SIZE_BYTES - begin.bytes) / (performance.now() - begin.at)) * 1000
  assert.ok(rate > 2 * fast, `the rest is read without a limit: ${rate} bytes a second`)
  assert.equal(fixture.proxy.dataRequests.length, 1)
})
