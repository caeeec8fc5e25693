import { once } from 'node:events'
import { engineEnvironment } from '../engines/engine-process.ts'
import { readLinkCounts } from '../swarm/link-counters.ts'
import { within } from '../swarm/within.ts'
import type { PrefetchGround } from './prefetch-ground.ts'

const CURL = ['curl', '--silent', '--fail', '--noproxy', '*', '--output', '/dev/null']

/** Every node reads the image from the library by itself, all at once, without any limit. */
export interface PullRun {
  readonly scenario: 'library-pull'
  readonly nodes: number
  readonly mib: number
  readonly lastSeconds: number
  readonly medianSeconds: number
  readonly crossRackCopies: number
}

export async function measureLibraryPull(
  { lab, setup, size, goodput, library }: PrefetchGround,
  { timeoutMs }: { timeoutMs: number },
): Promise<PullRun> {
  const links = await readLinkCounts(lab, setup)
  const begin = performance.now()
  const pulls = setup.peers.map(({ node }) => {
    return lab.host(node).exec([...CURL, library.baselineUrl], { env: engineEnvironment() })
  })
  const ended = pulls.map(async (pull, index) => {
    const [code] = await once(pull, 'exit')
    if (code !== 0) throw new Error(`curl on ${setup.peers[index]?.node} ended with ${code}`)
    return (performance.now() - begin) / 1000
  })
  try {
    const seconds = (await within(timeoutMs, Promise.all(ended))).sort((a, b) => a - b)
    const { intoRacks } = await readLinkCounts(lab, setup, links)
    return {
      ...{ scenario: 'library-pull', nodes: pulls.length, mib: size.mib },
      lastSeconds: round(seconds.at(-1) ?? Number.NaN),
      medianSeconds: round(seconds[Math.floor((seconds.length - 1) / 2)] ?? Number.NaN),
      crossRackCopies: round((Math.max(...intoRacks) * goodput) / setup.sizeBytes),
    }
  } finally {
    for (const pull of pulls) pull.kill('SIGKILL')
  }
}

function round(value: number): number {
  return Math.round(value * 100) / 100
}
