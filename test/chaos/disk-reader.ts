import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import type { ChaosGround } from './chaos-ground.ts'

/** A copy that has not come to its end by then is given up; that is no fault of its bytes. */
const COPY_MS = 60_000
const AGAIN_MS = 500

/** What somebody read of a disk. */
export interface ReadTally {
  /** Disks read to their end, with the right sum. */
  right: number
  /** To their end, with another: must stay 0. */
  wrong: number
  /** Given up or broken, as reads may be while their node is down. */
  broken: number
}

export function sumOfTallies(tallies: readonly ReadTally[]): ReadTally {
  const sum = { right: 0, wrong: 0, broken: 0 }
  for (const { right, wrong, broken } of tallies) {
    sum.right += right
    sum.wrong += wrong
    sum.broken += broken
  }
  return sum
}

/** Reads the disk of an image on a node again and again, as a machine without a cache, until told to stop, and compares its sum. */
export async function readDisk(
  { cluster }: Pick<ChaosGround, 'cluster'>,
  what: { readonly node: string; readonly image: string; readonly boot: string; readonly sha256: string },
  tally: ReadTally,
  signal: AbortSignal,
): Promise<void> {
  const { node, image, boot } = what
  const params = { boot }
  while (!signal.aborted) {
    try {
      const client = await cluster.peerClient(node)
      await client.prepareBoot({ params, body: { image, overlay: null }, signal })
      const { state, uri } = await client.showBoot({ params, signal })
      if (state === 'ready') {
        const sha256 = await copySum(uri, signal)
        if (sha256 === undefined) tally.broken += 1
        else if (sha256 === what.sha256) tally.right += 1
        else tally.wrong += 1
      }
    } catch {
      if (!signal.aborted) tally.broken += 1
    }
    await sleep(AGAIN_MS, undefined, { signal }).catch(() => {})
  }
}

/** The SHA-256 of all that an export shows; undefined when it could not be read to its end. */
async function copySum(uri: string, signal: AbortSignal): Promise<string | undefined> {
  const child = spawn('nbdcopy', [uri, '-'], {
    stdio: ['ignore', 'pipe', 'ignore'],
    signal: AbortSignal.any([signal, AbortSignal.timeout(COPY_MS)]),
    killSignal: 'SIGKILL',
  })
  const ended = new Promise<number | null>((resolve) => {
    child.once('error', () => resolve(null))
    child.once('close', resolve)
  })
  const hash = createHash('sha256')
  for await (const chunk of child.stdout) hash.update(chunk as Buffer)
  return (await ended) === 0 ? hash.digest('hex') : undefined
}
