import { mkdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Page } from 'playwright-core'
import { openBrowser, openPage, signIn } from '../../test/harness/dashboard.ts'
import { openGround } from './dashboard-ground.ts'

// Writes the pictures of docs/dashboard: node bench/dashboard/screenshots.ts [--all DIRECTORY]. With --all every page in both themes, wide
// and narrow, for those who work on the pages; without it the few that are kept.

const [flag, elsewhere] = process.argv.slice(2)
const isAll = flag === '--all'
const directory = isAll ? (elsewhere ?? '/tmp') : join(import.meta.dirname, '../../docs/dashboard')
/** What is kept in the repository is to be small. */
const KEPT_VIEWPORT = { width: 1100, height: 720 }
const NODES = 320
const LEAD_MS = 25_000
const SETTLE_MS = 1800

await using stack = new AsyncDisposableStack()
await mkdir(directory, { recursive: true })
const ground = await openGround(stack, { nodes: NODES, heartbeatMs: 5000, fetchMs: 90_000 })
const images = (await ground.client.listImages()).images.map(({ id }) => ({ image: id, all: true as const }))
const deadline = new Date(Date.now() + 10 * 60_000).toISOString()
const plan = await ground.client.createPrefetch({ body: { name: 'Monday rollout', images, deadline } })
await sleep(LEAD_MS)
const layer = encodeURIComponent(ground.layers[0]?.digest ?? '')
const pages: Readonly<Record<string, string>> = {
  overview: '/',
  plan: `/prefetch/${plan.id}`,
  layer: `/layers/${layer}`,
  nodes: '/nodes',
  node: '/nodes/node-00007',
  images: '/images',
  prefetch: '/prefetch',
  'new-prefetch': '/prefetch/new',
  boots: '/boots',
  boot: '/boots/node-00007/vm-0',
  events: '/events',
  limits: '/limits',
}
const kept = ['overview-light', 'overview-dark', 'plan-light', 'layer-dark', 'nodes-light']
const browser = await openBrowser({ after: (undo) => stack.defer(async () => void (await undo())) })
for (const colorScheme of ['light', 'dark'] as const) {
  for (const width of isAll ? [1280, 390] : [1280]) {
    const viewport = isAll ? { width, height: 900 } : KEPT_VIEWPORT
    const page = await openPage(browser, ground.seed, { colorScheme, viewport })
    if (isAll) await shoot(page, `sign-in-${colorScheme}-${width}`)
    await signIn(page, ground.token)
    await page.getByRole('heading', { level: 1, name: 'Overview' }).waitFor()
    for (const [name, path] of Object.entries(pages)) {
      if (!isAll && !kept.includes(`${name}-${colorScheme}`)) continue
      await page.goto(path)
      await sleep(SETTLE_MS)
      if (name === 'new-prefetch') await tryOut(page)
      // What is of interest there is below its facts.
      if (!isAll && name === 'layer') await page.getByRole('main').evaluate((main) => main.scrollBy(0, 440))
      await shoot(page, `${name}-${colorScheme}${isAll ? `-${width}` : ''}`)
    }
    await page.context().close()
  }
}

async function tryOut(page: Page): Promise<void> {
  await page.getByRole('checkbox').first().check()
  await page.getByRole('button', { name: 'Dry run' }).click()
  await page.getByTestId('forecast').waitFor()
}

async function shoot(page: Page, name: string): Promise<void> {
  const path = join(directory, `${name}.png`)
  if (isAll) {
    // The page scrolls inside: as high as what it has.
    const { width = 1280 } = page.viewportSize() ?? {}
    const height = await page.evaluate<number>("(document.querySelector('main')?.scrollHeight ?? 800) + 160")
    await page.setViewportSize({ width, height: Math.min(2600, Math.max(900, height)) })
    await sleep(500)
  }
  await page.screenshot({ path })
  if (isAll) await page.setViewportSize({ width: page.viewportSize()?.width ?? 1280, height: 900 })
  process.stdout.write(`${path} ${Math.round((await stat(path)).size / 1024)} KiB\n`)
}
