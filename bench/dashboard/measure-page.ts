import { setTimeout as sleep } from 'node:timers/promises'
import type { Page } from 'playwright-core'
import { openBrowser, openPage, signIn } from '../../test/harness/dashboard.ts'
import type { DashboardGround } from './dashboard-ground.ts'

export interface PageFigures {
  /** First contentful paint, from when the address was opened. */
  readonly firstPaintMs: number
  /** ... until the sentence on health is there. */
  readonly firstPictureMs: number
  /** The longest task of the main thread; those under 50 ms are not told and count as 50. */
  readonly longestTaskMs: number
  readonly tasks: Readonly<Record<string, number>>
}

const OBSERVE = `
  window.longTasks = [];
  new PerformanceObserver((list) => {
    for (const { duration } of list.getEntries()) window.longTasks.push(duration);
  }).observe({ type: 'longtask', buffered: true });
`

/** Opens the dashboard in a real browser and uses it for a while: overview, nodes scrolled and sorted, a layer, a plan. */
export async function measurePage(
  { seed, token }: DashboardGround,
  { plan, liveMs }: { plan: string; liveMs: number },
): Promise<PageFigures> {
  await using stack = new AsyncDisposableStack()
  const browser = await openBrowser({ after: (undo) => stack.defer(async () => void (await undo())) })
  const page = await openPage(browser, seed)
  await signIn(page, token)
  await page.getByRole('heading', { level: 1, name: 'Overview' }).waitFor()
  // The browser's cache is that of an operator who comes for the first time today.
  const fresh = await openPage(browser, seed)
  await fresh.context().addCookies(await page.context().cookies())
  await page.close()
  await fresh.addInitScript(OBSERVE)
  const begin = performance.now()
  await fresh.goto('/')
  await fresh.getByRole('region', { name: 'Health' }).waitFor()
  const firstPictureMs = performance.now() - begin
  const firstPaintMs = await fresh.evaluate<number>(
    "performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? -1",
  )
  const tasks: Record<string, number> = {}
  tasks.load = await longest(fresh)
  await sleep(liveMs)
  tasks.overview = await longest(fresh)
  await go(fresh, 'Nodes')
  for (let turn = 0; turn < 8; turn += 1) {
    await fresh
      .getByRole('table', { name: 'Nodes' })
      .locator('tbody')
      .evaluate((body) => body.scrollBy(0, 4000))
    await sleep(liveMs / 16)
  }
  await fresh.getByRole('button', { name: 'Receives' }).click()
  await sleep(liveMs / 2)
  tasks.nodes = await longest(fresh)
  await go(fresh, 'Images and layers')
  await fresh.getByRole('table', { name: 'Layers' }).getByRole('link').first().click()
  await fresh.getByText('How it spreads, by rack').waitFor()
  await sleep(liveMs)
  tasks.layer = await longest(fresh)
  await go(fresh, 'Prefetch')
  await fresh.locator(`a[href="/prefetch/${plan}"]`).first().click()
  await sleep(liveMs)
  tasks.plan = await longest(fresh)
  return { firstPaintMs, firstPictureMs, longestTaskMs: Math.max(...Object.values(tasks)), tasks }
}

async function go(page: Page, name: string): Promise<void> {
  await page.getByRole('navigation', { name: 'Pages' }).getByRole('link', { name, exact: true }).click()
  await page.getByRole('heading', { level: 1, name }).waitFor()
}

/** The longest task since this was asked last. */
function longest(page: Page): Promise<number> {
  return page.evaluate<number>('Math.max(50, ...window.longTasks.splice(0))')
}
