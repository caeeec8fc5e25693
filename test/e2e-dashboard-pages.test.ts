import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { test } from 'node:test'
import { promisify } from 'node:util'
import { createClient } from '@shoal/api'
import type { Page } from 'playwright-core'
import type { Cluster } from './harness/cluster.ts'
import { enter, openBrowser, openPage, seriousFindings, tokenOf } from './harness/dashboard.ts'
import { planWhen, startPlan, startPrefetchCluster } from './harness/prefetch.ts'
import { prepareBoot } from './harness/prepare-boot.ts'
import { startKeystone } from './harness/stand-in-keystone.ts'
import { undoAfter } from './harness/undo.ts'

const run = promisify(execFile)
const FINISH_ANIMATIONS =
  'for (const one of document.getAnimations()) if (one.effect?.getComputedTiming().endTime < 1e6) one.finish()'

test('every page can be used in both themes, wide and narrow, by keyboard, and by those who may only look', {
  timeout: 240_000,
}, async (t) => {
  const browser = await openBrowser(undoAfter(t))
  // The test says what a node would say, so nodes are known by token here.
  const seedConfig = { tls: { enabled: false } }
  const { cluster, images } = await startPrefetchCluster(t, { peers: 2, imagesMib: [16], seedConfig })
  const [image = ''] = images
  const node = createClient({ baseUrl: cluster.seed.url, token: await tokenOf(cluster, 'node') })
  await node.wantFile({ params: { node: 'node1', image } })
  const plan = await startPlan(cluster, { name: 'Monday', images: [{ image, all: true }] })
  await planWhen(cluster, plan, 'done')
  const boot = await prepareBoot(cluster, 'node1', 'vm-1', { image, overlay: null })
  await run('qemu-io', ['-r', '-f', 'raw', '-c', 'read 0 1M', boot.uri])
  await (await cluster.peerClient('node1')).markBooted({ params: { boot: 'vm-1' } })
  const { layers } = await cluster.client.listLayers()
  const layer = encodeURIComponent(layers[0]?.digest ?? '')
  const paths = ['/', '/images', `/layers/${layer}`, '/nodes', '/nodes/node1', '/prefetch', `/prefetch/${plan}`]
  paths.push('/prefetch/new', '/boots', '/boots/node1/vm-1', '/events', '/limits')

  const operator = await openPage(browser, cluster.seed)
  await everyLookIsFine(operator, 'sign-in')
  await enter(operator, cluster)
  const failed: string[] = []
  operator.on('response', (response) => {
    if (response.status() >= 400) failed.push(`${response.status()} ${response.url()}`)
  })
  operator.on('console', (message) => {
    if (message.type() === 'error') failed.push(message.text())
  })
  for (const path of paths) {
    await operator.goto(path)
    await operator.getByRole('heading', { level: 1 }).waitFor()
    const content = operator.getByRole('main').getByRole('table').or(operator.locator('form'))
    await content.first().waitFor()
    await everyLookIsFine(operator, path)
  }
  assert.deepEqual(failed, [])
  await byKeyboard(operator, plan)
  await operator.context().close()

  await drainAndQuarantine(await openPage(browser, cluster.seed), cluster)
  const page = await openPage(browser, cluster.seed)
  await enter(page, cluster, 'viewer')
  await page.goto('/nodes/node2')
  assert.equal(await page.getByRole('button', { name: 'Drain' }).isDisabled(), true)
  await page.goto(`/layers/${layer}`)
  await page.getByRole('table', { name: 'Flows between racks' }).getByRole('cell', { name: 'the seed' }).waitFor()
  await page.goto('/boots')
  await page.getByRole('link', { name: /^Time to booted: \d/ }).waitFor()
  await page.getByRole('table', { name: 'Disks served to VMs' }).getByRole('link', { name: 'vm-1' }).click()
  await page.getByRole('list', { name: 'Steps of the boot' }).getByText('Booted', { exact: true }).waitFor()
  await page.getByText('as somebody told').waitFor()
  await page.goto('/events')
  const reasons = page.getByRole('table', { name: 'Reasons why blocks came' })
  await reasons.getByRole('cell', { name: 'origin', exact: true }).waitFor()
  const sample = page.getByRole('table', { name: 'Pieces that came lately' }).getByRole('link', { name: /^node\d$/ })
  await sample.first().waitFor()
  await page.getByText('read only').waitFor()
  await page.keyboard.press('Tab')
  assert.equal(await page.evaluate<string>('document.activeElement.textContent'), 'Skip to content')
  await page.goto(`/prefetch/${plan}`)
  assert.equal(await page.getByRole('button', { name: 'Retry' }).isDisabled(), true)
  const status = await page.evaluate<number>(
    `fetch('/v1/prefetch/${plan}/retry', { method: 'POST', headers: { 'x-shoal-session': 'dashboard' } }).then((r) => r.status)`,
  )
  assert.equal(status, 403)
  await page.goto('/prefetch')
  await page.getByRole('link', { name: 'disk0 (downloads)' }).click()
  await page.getByRole('heading', { name: 'disk0 (downloads)' }).waitFor()
  await page.getByText('nodes download by themselves').waitFor()
  await page.getByRole('table', { name: 'Nodes of the plan' }).getByRole('link', { name: 'node1' }).waitFor()
  assert.equal(await page.getByRole('button', { name: /Pause|Cancel plan|Retry/ }).count(), 0)
  await page.getByRole('button', { name: 'Sign out' }).click()
  await page.getByRole('heading', { name: 'Sign in to Shoal' }).waitFor()
  assert.equal(await page.evaluate<number>("fetch('/v1/overview').then((r) => r.status)"), 401)
})

/** An operator puts a node away and takes it back, and finds it by its mode. */
async function drainAndQuarantine(page: Page, cluster: Cluster): Promise<void> {
  await enter(page, cluster)
  await page.goto('/nodes/node2')
  const status = page.getByRole('status').first()
  const act = async (action: string, reason: string) => {
    await page.getByRole('button', { name: action }).click()
    const dialog = page.getByRole('dialog')
    await dialog.getByLabel('Reason, for others').fill(reason)
    assert.deepEqual(await seriousFindings(page), [], `the question before ${action}`)
    await dialog.getByRole('button', { name: action }).click()
    await dialog.waitFor({ state: 'hidden' })
  }
  await act('Drain', 'new disks')
  await status.getByText('drained').waitFor()
  await status.getByText('new disks').waitFor()
  await act('Quarantine', 'bad memory')
  await status.getByText('quarantined').waitFor()
  await page.getByRole('table', { name: 'Events' }).getByText('Node node2 is in quarantine: bad memory.').waitFor()
  await page.goto('/nodes')
  await page.getByRole('combobox', { name: 'Which nodes' }).selectOption('quarantined')
  const table = page.getByRole('table', { name: 'Nodes' })
  await table.getByText('bad memory').waitFor()
  assert.equal(await table.getByRole('link', { name: 'node1' }).count(), 0)
  await page.goto('/nodes/node2')
  await act('Activate', '')
  await status.getByText('ready').waitFor()
  const [, , last] = await cluster.events('node.mode-changed')
  assert.deepEqual([last?.node, last?.details.mode, last?.actor], ['node2', 'active', 'token:operator'])
  await page.context().close()
}

/** axe finds nothing serious on the page in either theme, wide or narrow, and nothing is wider than the window. */
async function everyLookIsFine(page: Page, name: string): Promise<void> {
  for (const width of [1280, 390]) {
    await page.setViewportSize({ width, height: 800 })
    for (const colorScheme of ['dark', 'light'] as const) {
      await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' })
      // Colours glide from one theme to the other, and begin to when the page has heard of it.
      const state = colorScheme === 'dark' ? 'attached' : 'detached'
      await page.locator('html.pf-v6-theme-dark').waitFor({ state })
      await page.evaluate(FINISH_ANIMATIONS)
      // A theme changes colours and nothing else.
      const options = colorScheme === 'dark' ? { rules: ['color-contrast'] } : {}
      assert.deepEqual(await seriousFindings(page, options), [], `${name}, ${colorScheme}, ${width} px`)
    }
    const overflow = await page.evaluate<number>('document.documentElement.scrollWidth - innerWidth')
    assert.ok(overflow <= 0, `${name} is ${overflow} px too wide at ${width} px`)
  }
  await page.setViewportSize({ width: 1280, height: 800 })
}

/** From page to page, a table sorted, and a question opened and left, without a mouse. */
async function byKeyboard(page: Page, plan: string): Promise<void> {
  const focused = () => page.evaluate<string>('document.activeElement.textContent')
  const tabTo = async (wanted: string) => {
    for (let press = 0; press < 80 && (await focused()).trim() !== wanted; press += 1) await page.keyboard.press('Tab')
    assert.equal((await focused()).trim(), wanted)
  }
  await page.goto('/')
  await page.getByRole('heading', { level: 1, name: 'Overview' }).waitFor()
  await tabTo('Nodes')
  await page.keyboard.press('Enter')
  await page.getByRole('heading', { level: 1, name: 'Nodes' }).waitFor()
  await tabTo('Receives')
  await page.keyboard.press('Enter')
  await page.locator('th[aria-sort="ascending"]').getByText('Receives').waitFor()
  await page.goto(`/prefetch/${plan}`)
  await page.getByRole('button', { name: 'Retry' }).waitFor()
  await tabTo('Retry')
  await page.keyboard.press('Enter')
  await page.getByRole('dialog').waitFor()
  await page.keyboard.press('Escape')
  await page.getByRole('dialog').waitFor({ state: 'hidden' })
  assert.equal((await focused()).trim(), 'Retry', 'the focus is where it was')
}

test('pages name no script, style or address of elsewhere, and change nothing for a page of another site', async (t) => {
  const { cluster } = await startPrefetchCluster(t, { peers: 1, imagesMib: [4] })
  const { url } = cluster.seed
  const answer = await fetch(`${url}/`)
  const policy = answer.headers.get('content-security-policy') ?? ''
  assert.match(policy, /default-src 'none'/)
  assert.ok(!policy.includes('unsafe'))
  const html = await answer.text()
  assert.doesNotMatch(html, /https?:\/\/|<script(?![^>]*src=)|<style/)
  const [, script = ''] = /src="([^"]+\.js)"/.exec(html) ?? []
  const asset = await fetch(url + script)
  assert.equal(asset.status, 200)
  assert.match(asset.headers.get('cache-control') ?? '', /immutable/)
  assert.equal((await fetch(`${url}/assets/none.js`)).status, 404)
  assert.equal((await fetch(`${url}/assets/%2e%2e/index.html`)).status, 404)

  const token = await tokenOf(cluster, 'operator')
  const signedIn = await fetch(`${url}/v1/session`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ token }),
  })
  const cookie = signedIn.headers.get('set-cookie') ?? ''
  assert.match(cookie, /HttpOnly; SameSite=Strict/)
  const headers = { cookie: cookie.split(';')[0] ?? '', 'content-type': 'application/json' }
  const body = JSON.stringify({ seedUpBytesPerSecond: null })
  assert.equal((await fetch(`${url}/v1/limits`, { headers })).status, 200)
  assert.equal((await fetch(`${url}/v1/limits`, { method: 'PUT', headers, body })).status, 401)
  const own = { ...headers, 'x-shoal-session': 'dashboard' }
  assert.equal((await fetch(`${url}/v1/limits`, { method: 'PUT', headers: own, body })).status, 200)
})

test('a user of the cloud signs in with name and password, is shown what the role may do, and told what to do when it fails', {
  timeout: 120_000,
}, async (t) => {
  const undo = undoAfter(t)
  const keystone = await startKeystone({ operator: 'images', reader: 'looks', nobody: 'nowhere' })
  undo.after(() => keystone[Symbol.asyncDispose]())
  const roles = [
    { keystoneRole: 'member', project: 'images@Default', role: 'operator' },
    { keystoneRole: 'member', project: 'looks@Default', role: 'reader' },
  ]
  const { cluster } = await startPrefetchCluster(t, {
    ...{ peers: 0, imagesMib: [1] },
    seedConfig: { access: { keystone: { url: keystone.url, roles } } },
  })
  const browser = await openBrowser(undo)
  const page = await openPage(browser, cluster.seed)
  const fill = async (user: string, project: string, password = `${user}pw`) => {
    await page.getByRole('textbox', { name: 'User', exact: true }).fill(user)
    await page.getByRole('textbox', { name: 'Project', exact: true }).fill(project)
    await page.getByRole('textbox', { name: 'Password', exact: true }).fill(password)
  }
  const button = page.getByRole('button', { name: 'Sign in' })
  await fill('operator', 'images', 'a wrong one')
  for (const [colorScheme, way] of [
    ['dark', 'Keystone token'],
    ['dark', 'Name and password of Keystone'],
    ['light', 'Name and password of Keystone'],
  ] as const) {
    await page.emulateMedia({ colorScheme })
    await page.getByRole('radio', { name: way }).check()
    await page.evaluate(FINISH_ANIMATIONS)
    assert.deepEqual(await seriousFindings(page), [], `${way}, ${colorScheme}`)
  }
  await button.click()
  await page.getByText('SHOAL_SESSION_CREDENTIALS').waitFor()
  await page.getByText('openstack token issue').waitFor()
  await fill('nobody', 'nowhere')
  await button.click()
  await page.getByText('access.keystone.roles').waitFor()
  await fill('reader', 'looks')
  await button.click()
  await page.getByRole('heading', { level: 1, name: 'Overview' }).waitFor()
  await page.getByTitle('Signed in as user:reader@Default').waitFor()
  const kept = await page.evaluate<string>('JSON.stringify({ ...localStorage, ...sessionStorage }) + document.cookie')
  assert.ok(!kept.includes('readerpw'), 'the page keeps the password')
  await page.goto('/prefetch')
  await page.getByRole('heading', { level: 1, name: 'Prefetch' }).waitFor()
  assert.equal(await page.getByRole('link', { name: 'New prefetch' }).count(), 0, 'a reader starts nothing')
  await page.getByRole('button', { name: 'Sign out' }).click()
  await page.getByRole('radio', { name: 'Keystone token' }).check()
  await page.locator('#cloud-token').fill('operator')
  await button.click()
  await page.getByRole('link', { name: 'New prefetch' }).waitFor()
})
