import assert from 'node:assert/strict'
import { it } from 'node:test'
import { ManualClock } from '@shoal/core'
import { undoAfter } from '../../../../test/harness/undo.ts'
import { buildImage, buildRule, HOUR_MS, MINUTE_MS, startRules } from './rules-fixture.ts'

/** A clock that tells when somebody goes to sleep. */
class TellingClock extends ManualClock {
  readonly delaysMs: number[] = []
  #tell = () => {}

  override sleep(delayMs: number, options?: { signal?: AbortSignal | undefined }): Promise<void> {
    const slept = super.sleep(delayMs, options)
    this.delaysMs.push(delayMs)
    this.#tell()
    return slept
  }

  /** Does something that wakes the sleeper, and resolves when it sleeps again. */
  async until(wake: () => unknown): Promise<void> {
    const sleeps = new Promise<void>((resolve) => {
      this.#tell = resolve
    })
    await wake()
    await sleeps
  }
}

async function startLoop(t: Parameters<typeof undoAfter>[0], start: string) {
  const clock = new TellingClock()
  const fixture = await startRules(start, { clock })
  const stopping = new AbortController()
  let running: Promise<void> | undefined
  undoAfter(t).after(async () => {
    stopping.abort()
    await running
  })
  await clock.until(() => {
    running = fixture.rules.run({ signal: stopping.signal })
  })
  const advance = (ms: number) => clock.until(() => clock.advance(ms))
  return { ...fixture, rules: fixture.rules, clock, advance }
}

it('sleeps until the next time, but no longer than a minute', async (t) => {
  const { rules, catalogue, plans, clock, advance } = await startLoop(t, '2026-01-06T01:58:10Z')
  catalogue.putImage(buildImage('v1'))
  await clock.until(() => rules.put('nightly', buildRule()))
  await advance(MINUTE_MS)
  assert.deepEqual(clock.delaysMs.slice(-2), [MINUTE_MS, 50_000])
  assert.equal(plans.made.length, 0)
  await advance(50_000)
  assert.equal(plans.made.length, 1)
  assert.equal(rules.get('nightly').lastAt, '2026-01-06T02:00:00.000Z')
  assert.equal(Math.max(...clock.delaysMs), MINUTE_MS)
})

it('is woken by a rule that is made and by an image that is new to a rule without cron', async (t) => {
  const { rules, plans, clock, publish } = await startLoop(t, '2026-01-06T01:00:00Z')
  await clock.until(() => rules.put('at-once', buildRule({ on: 'new-image', cron: null })))
  clock.advance(1000)
  await clock.until(() => publish('v1'))
  assert.deepEqual(plans.images(), [['v1']])
})

it('notices a clock that is set ahead, and acts once for all that it leapt over', async (t) => {
  const { rules, catalogue, plans, clock, advance } = await startLoop(t, '2026-01-06T01:00:00Z')
  catalogue.putImage(buildImage('v1'))
  await clock.until(() => rules.put('hourly', buildRule({ cron: '0 * * * *' })))
  await advance(5 * HOUR_MS)
  assert.equal(plans.made.length, 1)
  plans.endAll()
  await advance(HOUR_MS)
  assert.equal(plans.made.length, 2)
})

it('begins anew when the clock was far ahead, and does not act twice when it was a little', async () => {
  const { rules, catalogue, plans, clock, at } = await startRules('2030-01-06T01:59:00Z')
  catalogue.putImage(buildImage('v1'))
  await rules.put('nightly', buildRule())
  await at('2030-01-06T02:00:00Z')
  plans.endAll()
  for (const time of ['2030-01-06T01:30:00Z', '2030-01-06T02:00:00Z']) await at(time)
  assert.equal(plans.made.length, 1)
  await at('2026-01-06T12:00:00Z')
  assert.equal(rules.get('nightly').nextAt, '2026-01-07T02:00:00.000Z')
  clock.advance(14 * HOUR_MS)
  await rules.round()
  assert.equal(plans.made.length, 2)
})

it('is quiet while a plan cannot be made for lack of space, and makes it when it can', async (t) => {
  const { rules, catalogue, plans, clock, advance } = await startLoop(t, '2026-01-06T01:59:30Z')
  catalogue.putImage(buildImage('v1'))
  plans.fault = Object.assign(new Error('no space'), { code: 'SHOAL_STATE_NO_SPACE' })
  await clock.until(() => rules.put('minutely', buildRule({ cron: '* * * * *' })))
  const before = clock.delaysMs.length
  for (let minute = 0; minute < 5; minute += 1) await advance(MINUTE_MS)
  assert.ok(
    clock.delaysMs.slice(before).every((delayMs) => delayMs >= MINUTE_MS / 2),
    String(clock.delaysMs),
  )
  plans.fault = undefined
  await advance(MINUTE_MS)
  assert.equal(plans.made.length, 1)
})

it('ends when it is told to, while it sleeps and before', async () => {
  const { rules } = await startRules('2026-01-06T01:00:00Z')
  await rules.run({ signal: AbortSignal.abort() })
  const stopping = new AbortController()
  const running = rules.run({ signal: stopping.signal })
  stopping.abort()
  await running
})
