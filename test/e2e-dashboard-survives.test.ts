import assert from 'node:assert/strict'
import { test } from 'node:test'
import { enter, goTo, openBrowser, openPage } from './harness/dashboard.ts'
import { startPlan, startPrefetchCluster } from './harness/prefetch.ts'
import { undoAfter } from './harness/undo.ts'

/** From when a daemon is killed until the page says so. */
const SHOWN_MS = 5000

test('a killed peer is shown within five seconds with its reason, and the page goes on by itself after the seed was killed', {
  timeout: 180_000,
}, async (t) => {
  const browser = await openBrowser(undoAfter(t))
  // The interval that operators have: heartbeats alone would tell after 20 s.
  const seedConfig = { nodes: { heartbeatIntervalMs: 5000 } }
  const { cluster, images } = await startPrefetchCluster(t, { peers: 3, imagesMib: [16], seedConfig })
  const page = await openPage(browser, cluster.seed)
  await enter(page, cluster)
  const health = page.getByRole('region', { name: 'Health' })
  await health.getByText('The swarm is healthy: 3 nodes are ready').waitFor()

  const killedAt = Date.now()
  await cluster.peer('node2').end('SIGKILL')
  const reason = health.getByRole('link', { name: 'Node node2 has lost its connection to the seed.' })
  await reason.waitFor({ timeout: SHOWN_MS })
  t.diagnostic(`shown ${Date.now() - killedAt} ms after it was killed`)
  assert.ok(Date.now() - killedAt <= SHOWN_MS)
  await reason.click()
  await page.getByRole('heading', { level: 1, name: 'node2' }).waitFor()
  await page.getByText('the daemon or its machine is down').first().waitFor()
  await cluster.peer('node2').start()
  await page.getByText('the daemon or its machine is down').first().waitFor({ state: 'hidden' })

  await cluster.seed.end('SIGKILL')
  await page.getByRole('alert').getByText('The connection to the seed is broken').waitFor()
  await cluster.startSeed()
  await page.getByRole('alert').waitFor({ state: 'hidden', timeout: 30_000 })
  // What happened since is there, without a sign-in and without loading the page again.
  const [image = ''] = images
  await startPlan(cluster, { name: 'After the crash', images: [{ image, all: true }] })
  await goTo(page, 'Prefetch')
  await page.getByRole('link', { name: 'After the crash' }).waitFor()

  // One that hangs breaks no connection: silence tells.
  process.kill(cluster.seed.pid, 'SIGSTOP')
  await page.getByRole('alert').getByText('The connection to the seed is broken').waitFor()
  process.kill(cluster.seed.pid, 'SIGCONT')
  await page.getByRole('alert').waitFor({ state: 'hidden', timeout: 30_000 })
})
