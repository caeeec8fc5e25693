import { execFileSync } from 'node:child_process'
import { readFile, writeFile } from 'node:fs/promises'
import { cpus, totalmem } from 'node:os'
import { join } from 'node:path'
import type { ChaosReport } from './run-chaos.ts'

const RESULT = join(import.meta.dirname, '../../bench/results/chaos.json')
const README = join(import.meta.dirname, 'README.md')
const OUTCOME = /(?<=<!-- outcome -->\n).*(?=<!-- end of outcome -->)/s

/** The commit that is checked out; to be asked before a run, in which that may change. */
export function currentCommit(): string {
  return execFileSync('git', ['rev-parse', '--short', 'HEAD'], { cwd: import.meta.dirname })
    .toString()
    .trim()
}

/** Writes what a run has shown into `bench/results/chaos.json`, and as a table into the README beside this file. */
export async function keepResult(report: ChaosReport, about: { startedAt: string; commit: string }): Promise<void> {
  const record = {
    bench: 'chaos',
    ...about,
    machine: {
      cpu: cpus()[0]?.model ?? 'unknown',
      cores: cpus().length,
      memoryGiB: Math.round(totalmem() / 1024 ** 3),
    },
    versions: { node: process.version },
    figures: report,
  }
  await writeFile(RESULT, `${JSON.stringify(record, null, 2)}\n`)
  const readme = await readFile(README, 'utf8')
  await writeFile(
    README,
    readme.replace(OUTCOME, () => `${outcomeOf(report, about.commit)}\n`),
  )
}

/** Markdown. */
export function outcomeOf(report: ChaosReport, commit: string): string {
  const { seed, seconds, nodes, faults, disksRead, filesReadByMachine: files, peakMibPerSecond: peak } = report
  const kinds = Object.entries(report.faultsByKind).sort(([a], [b]) => a.localeCompare(b))
  return `
${seconds} s with ${nodes} nodes, seed ${seed}, commit ${commit}: ${faults.injected} faults, of which ${faults.bit} showed that they bit and ${faults.survived} were survived;
${disksRead.right} disks read right, ${disksRead.wrong} wrong, ${disksRead.broken} not to their end${files === null ? '' : `; ${files.right} files in the guest right, ${files.wrong} wrong`}; ${report.blocksHashed} blocks hashed, ${report.wrongBlocks} wrong; ${report.images} images,
${report.libraryCopies} copies of them from the library; at most ${peak.library} MiB/s from the library and ${peak.origin} MiB/s from the origin over four seconds;
${report.certificatesRenewed} certificates renewed; everything whole ${report.secondsUntilWhole} s after the last fault.

| fault | injected | bit | survived | back after at most, s |
| --- | --- | --- | --- | --- |
${kinds.map(([fault, t]) => `| \`${fault}\` | ${t.injected} | ${t.bit} | ${t.survived} | ${t.longestSecondsBack.toFixed(1)} |`).join('\n')}
`
}
