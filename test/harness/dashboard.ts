import { access, readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { type Browser, type BrowserContextOptions, chromium, type Page } from 'playwright-core'
import type { Cluster } from './cluster.ts'
import type { Undo } from './undo.ts'

const CHROMIUM = process.env.SHOAL_TEST_CHROMIUM ?? 'chromium'
/** Debian's chromium does not run as root with its sandbox; the pages are ours. */
const FLAGS = ['--no-sandbox', '--disable-dev-shm-usage', '--disable-gpu']

/** A browser that ends with the test. */
export async function openBrowser(undo: Undo): Promise<Browser> {
  const browser = await chromium.launch({ executablePath: await findChromium(), args: FLAGS })
  undo.after(() => browser.close())
  return browser
}

/** A page of the seed's dashboard that nobody is signed in to. What scripts complain about fails the test. */
export async function openPage(
  browser: Browser,
  { url }: { readonly url: string },
  options: BrowserContextOptions = {},
): Promise<Page> {
  const context = await browser.newContext({ baseURL: url, viewport: { width: 1280, height: 900 }, ...options })
  const page = await context.newPage()
  page.setDefaultTimeout(15_000)
  page.on('pageerror', (error) => {
    throw error
  })
  await page.goto('/')
  return page
}

/** The token of a role, as the seed keeps it. */
export async function tokenOf({ directory }: Cluster, role: 'operator' | 'viewer' | 'node'): Promise<string> {
  return (await readFile(join(directory, 'seed', `${role}.token`), 'utf8')).trim()
}

export async function signIn(page: Page, token: string): Promise<void> {
  await page.getByLabel('Token').fill(token)
  await page.getByRole('button', { name: 'Sign in' }).click()
}

/** Signs in and waits for the overview. */
export async function enter(page: Page, cluster: Cluster, role: 'operator' | 'viewer' = 'operator'): Promise<void> {
  await signIn(page, await tokenOf(cluster, role))
  await page.getByRole('heading', { level: 1, name: 'Overview' }).waitFor()
}

/** Presses a page's name in the navigation. */
export async function goTo(page: Page, name: string): Promise<void> {
  await page.getByRole('navigation', { name: 'Pages' }).getByRole('link', { name, exact: true }).click()
}

interface AxeViolation {
  readonly id: string
  readonly impact: string | null
  readonly nodes: readonly { readonly target: readonly string[]; readonly failureSummary?: string }[]
}

/** What axe finds on a page that is serious or worse, in words. */
export async function seriousFindings(page: Page, { rules }: { rules?: readonly string[] } = {}): Promise<string[]> {
  if (!(await page.evaluate<boolean>('window.axe !== undefined'))) {
    await page.evaluate(await readFile(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8'))
  }
  const options = JSON.stringify(rules === undefined ? {} : { runOnly: { type: 'rule', values: rules } })
  const violations = await page.evaluate<AxeViolation[]>(`axe.run(${options}).then((result) => result.violations)`)
  return violations
    .filter(({ impact }) => impact === 'serious' || impact === 'critical')
    .flatMap(({ id, nodes }) => nodes.map((node) => `${id}: ${node.target.join(' ')} ${node.failureSummary ?? ''}`))
}

async function findChromium(): Promise<string> {
  if (CHROMIUM.startsWith('/')) return CHROMIUM
  for (const directory of (process.env.PATH ?? '').split(':')) {
    const path = join(directory, CHROMIUM)
    if (
      await access(path).then(
        () => true,
        () => false,
      )
    )
      return path
  }
  throw new Error(`${CHROMIUM} is not installed: sh infra/setup.sh --test installs it`)
}
