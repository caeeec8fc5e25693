import { globSync, statSync } from 'node:fs'
import { rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { parseArgs } from 'node:util'

// Builds the pages into dist/: npm run build -w packages/dashboard. With --if-stale only when something is newer than them.

const root = import.meta.dirname
const { values } = parseArgs({ options: { 'if-stale': { type: 'boolean', default: false } } })

if (!values['if-stale'] || isStale()) {
  if (values['if-stale']) process.stderr.write('shoal setup: building the dashboard, once\n')
  await buildPages()
}

/** Builds beside what is there and changes places at the end: a seed that runs meanwhile always has pages. */
async function buildPages(): Promise<void> {
  // Only now: to look whether there is anything to do must take no time.
  const { build } = await import('vite')
  const next = `.dist-${process.pid}`
  try {
    await build({
      root,
      configFile: false,
      base: '/',
      logLevel: 'warn',
      oxc: { jsx: { runtime: 'automatic' } },
      build: {
        outDir: next,
        emptyOutDir: true,
        // The content security policy allows no data: but for pictures.
        assetsInlineLimit: 0,
        target: 'es2022',
        chunkSizeWarningLimit: 2000,
        rolldownOptions: { checks: { pluginTimings: false } },
      },
    })
    await rm(join(root, 'dist'), { recursive: true, force: true })
    await rename(join(root, next), join(root, 'dist'))
  } finally {
    await rm(join(root, next), { recursive: true, force: true })
  }
}

/** Whether there is no page yet, or a source or the lock file is newer than it. */
function isStale(): boolean {
  const built = changedAt('dist/index.html')
  const sources = ['index.html', 'package.json', '../../package-lock.json', ...globSync('src/**/*', { cwd: root })]
  return built === undefined || sources.some((path) => (changedAt(path) ?? 0) > built)
}

function changedAt(path: string): number | undefined {
  return statSync(join(root, path), { throwIfNoEntry: false })?.mtimeMs
}
