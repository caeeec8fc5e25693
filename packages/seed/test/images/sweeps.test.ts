import assert from 'node:assert/strict'
import { it } from 'node:test'
import { ManualClock, silentLogger } from '@shoal/core'
import { LibraryWatcher, type LibraryWatcherDeps } from '../../src/images/library-watcher.ts'

const { signal } = new AbortController()

it('sweeps when it is time, whatever the clock is set to', async () => {
  const clock = new ManualClock(1_700_000_000_000)
  let sweeps = 0
  // A sweep looks at the records, a poll at what is imported.
  const deps = {
    library: { list: async function* () {} },
    catalogue: {
      images: () => {
        sweeps += 1
        return []
      },
    },
    importer: { images: () => [] },
    ...{ clock, logger: silentLogger },
  } as unknown as LibraryWatcherDeps
  const watcher = new LibraryWatcher(deps, { pollIntervalMs: 1000, sweepIntervalMs: 60_000, rules: [] })
  await watcher.round({ signal })
  clock.set(1_800_000_000_000)
  await watcher.round({ signal })
  assert.equal(sweeps, 1)
  clock.set(0)
  clock.advance(60_000)
  await watcher.round({ signal })
  assert.equal(sweeps, 2)
})
