import assert from 'node:assert/strict'
import { test } from 'node:test'
import { enter, goTo, openBrowser, openPage, signIn, tokenOf } from './harness/dashboard.ts'
import { planWhen, startPrefetchCluster } from './harness/prefetch.ts'
import { undoAfter } from './harness/undo.ts'
import { until } from './harness/until.ts'

const MIB = 1024 ** 2

test('a bulk prefetch is tried out, started and watched from plan to done, and another is cancelled, all from the page', {
  timeout: 180_000,
}, async (t) => {
  const browser = await openBrowser(undoAfter(t))
  const { cluster, images } = await startPrefetchCluster(t, { peers: 3, imagesMib: [24, 40] })
  const { client } = cluster
  const page = await openPage(browser, cluster.seed)

  await signIn(page, 'not-the-token')
  await page.getByText('SHOAL_SESSION_TOKEN').waitFor()
  await signIn(page, await tokenOf(cluster, 'node'))
  await page.getByText('SHOAL_SESSION_TOKEN').waitFor()
  assert.equal((await fetch(`${cluster.seed.url}/v1/overview`)).status, 401)
  await page.getByLabel('Token').fill('')
  await enter(page, cluster)
  const storage = await page.evaluate<string>(
    'JSON.stringify({ ...localStorage, ...sessionStorage }) + document.cookie',
  )
  assert.ok(!storage.includes(await tokenOf(cluster, 'operator')), 'the page keeps the token')

  await goTo(page, 'Prefetch')
  await page.getByRole('link', { name: 'New prefetch' }).click()
  await page.getByLabel('Name').fill('Monday')
  await page.getByRole('checkbox', { name: /^disk0/ }).check()
  await page.getByLabel('All nodes together receive at most, MiB/s').fill('12')
  assert.equal(await page.getByRole('button', { name: 'Start' }).isDisabled(), true, 'nothing starts unforeseen')
  await page.getByRole('button', { name: 'Dry run' }).click()
  const forecast = page.getByTestId('forecast')
  await forecast
    .getByText(`${(24 * 3).toFixed(1)} MiB`)
    .first()
    .waitFor()
  assert.equal((await client.listPrefetches()).plans.length, 0, 'a dry run keeps nothing')

  await page.getByRole('button', { name: 'Start' }).click()
  await page.getByRole('dialog').getByRole('button', { name: 'Start' }).click()
  const state = page.getByTestId('plan-state')
  const shares = new Set<string>()
  const ofWave = new Set<string>()
  const waves = page.getByRole('table', { name: 'Progress of the waves' })
  await until('the page shows the plan done', async () => {
    shares.add((await page.locator('.shoal-value').nth(1).textContent()) ?? '')
    for (const text of await waves.locator('.shoal-meter-text').allTextContents()) ofWave.add(text)
    return (await state.textContent()) === 'done' ? true : undefined
  })
  const between = [...shares].filter((share) => share !== '0 %' && share !== '100 %')
  assert.ok(between.length >= 2, `progress was seen: ${[...shares].join(', ')}`)
  const wavesBetween = [...ofWave].filter((share) => share !== '0 %' && share !== '100 %')
  assert.ok(wavesBetween.length >= 2, `the progress of its wave was seen: ${[...ofWave].join(', ')}`)
  assert.equal(await page.locator('.shoal-value').first().textContent(), '3 / 3')

  const [, second = ''] = images
  const { id } = await client.createPrefetch({
    body: { name: 'Tuesday', images: [{ image: second, all: true }], limits: { bytesPerSecond: MIB } },
  })
  await goTo(page, 'Overview')
  await page.getByRole('link', { name: 'Tuesday' }).click()
  for (const [action, becomes] of [
    ['Pause', 'paused'],
    ['Go on', 'running'],
  ] as const) {
    await page.getByRole('button', { name: action }).click()
    await page.getByRole('dialog').getByRole('button', { name: action }).click()
    await state.getByText(becomes).waitFor()
  }
  await page.getByRole('button', { name: 'Cancel plan' }).click()
  await page.getByRole('dialog').getByText('Its transfers stop').waitFor()
  await page.getByRole('dialog').getByRole('button', { name: 'Cancel plan' }).click()
  await until('the page shows it cancelled', async () =>
    (await state.textContent()) === 'cancelled' ? true : undefined,
  )
  await planWhen(cluster, id ?? '', 'cancelled')
  await goTo(page, 'Events')
  await page.getByRole('cell', { name: 'plan.cancelled' }).first().waitFor()
  await page.getByRole('cell', { name: 'session.opened' }).first().waitFor()
  await page.getByLabel('Who').selectOption('token:operator')
  await page
    .getByRole('row', { name: /plan\.cancelled token:operator/ })
    .first()
    .waitFor()
  assert.equal(await page.getByRole('cell', { name: 'layer.complete' }).count(), 0, 'what nodes did is not shown')
})
