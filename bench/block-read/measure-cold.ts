import type { ColdRun } from './cold-figures.ts'
import { type ColdLabSize, LINK_BYTES_PER_SECOND, openColdLab } from './cold-lab.ts'
import { type ColdRow, type ColdSize, measureColdReads } from './cold-reads.ts'

interface Size {
  readonly lab: ColdLabSize
  readonly reads: ColdSize
  readonly rounds: number
}

const FULL: Size = {
  lab: { diskMib: 512, otherMib: 768 },
  ...{ reads: { idleReads: 400, maxDownloadReads: 1500, warmUpReads: 20 }, rounds: 3 },
}
const QUICK: Size = {
  lab: { diskMib: 96, otherMib: 128 },
  ...{ reads: { idleReads: 150, maxDownloadReads: 300, warmUpReads: 10 }, rounds: 1 },
}

/** Reads of what is not on the node, in a lab of its own. */
export async function measureCold(options: { quick: boolean; say: (line: string) => void }): Promise<ColdRun> {
  const { lab: labSize, reads, rounds } = options.quick ? QUICK : FULL
  await using lab = await openColdLab(labSize)
  const rows: ColdRow[] = []
  for (let round = 0; round < rounds; round += 1) {
    for (const row of await measureColdReads(lab, reads, round)) {
      const { load, p50Ms, p90Ms, p99Ms, maxMs, nodeMBPerSecond } = row
      rows.push(row)
      options.say(
        `cold, ${load}: p50 ${p50Ms}, p90 ${p90Ms}, p99 ${p99Ms}, at most ${maxMs} ms of ${row.reads} reads; ` +
          `${nodeMBPerSecond} MB/s into the node`,
      )
    }
  }
  const { roundTripMs, disk } = lab
  return { rows, roundTripMs, blockLengthBytes: disk.blockLengthBytes, linkBytesPerSecond: LINK_BYTES_PER_SECOND }
}
