import { execFileSync } from 'node:child_process'
import { mkdir, writeFile } from 'node:fs/promises'
import { cpus, totalmem } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { RowJournal } from './row-journal.ts'

/** What a bench found. A figure that could not be measured is `null`, with a reason beside it. */
export type BenchFigures = Readonly<Record<string, number | string | null>>

export interface BenchReport {
  /** The answer: printed as the last line. */
  readonly figures: BenchFigures
  /** What it rests on, such as every single run: kept in the result file only. */
  readonly rows: readonly object[]
  /** Versions of what was compared, beside Node's. */
  readonly versions?: Readonly<Record<string, string>>
  /** Of a run that is not the usual one: its result file has a name of its own. */
  readonly variant?: string
}

/** A bench answers one question. One without rows gives its figures alone. */
export interface Bench {
  run(options: {
    quick: boolean
    say: (line: string) => void
    /** For benches that take long: rows that it keeps are not measured again when the run goes on. */
    journal: RowJournal
  }): Promise<BenchFigures | BenchReport>
}

const USAGE = `usage: npm run -s bench -- <name> [--quick] [--resume]
  runs bench/<name>, stores its figures in bench/results/ and prints them as one JSON object on the last line
  --quick  under 50 s on 2 cores, honest at its smaller size
  --resume goes on with a run of bulk-boot, cache, fuzz, swarm, prefetch or transfer that was interrupted
names: main-job, dashboard, bulk-boot, block-read, cache, transfer, swarm, prefetch, planner, limits, growth, many-layers, layers, layer-format,
  qcow2-read, qcow2-fuzz, fuzz, scheduling, load`

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    quick: { type: 'boolean', default: false },
    resume: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
})
const [name] = positionals
if (values.help || name === undefined || !/^[a-z][a-z0-9-]*$/.test(name)) {
  console.error(USAGE)
  process.exit(values.help ? 0 : 2)
}

const bench = (await import(`./${name}/bench.ts`).catch((error: unknown) => {
  console.error(`there is no bench "${name}": ${String(error)}\n${USAGE}`)
  process.exit(2)
})) as Bench
// A bench undoes what it left behind when the process exits; a signal by itself would not let it.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1))
const directory = join(import.meta.dirname, 'results')
const file = `${name}${values.quick ? '-quick' : ''}`
const journal = openJournal(join(directory, `${file}.tmp`))
const answer = await bench.run({ quick: values.quick, say: (line) => console.error(line), journal })
const report: Partial<BenchReport> & Pick<BenchReport, 'figures'> = isReport(answer) ? answer : { figures: answer }
const record = {
  bench: name,
  quick: values.quick,
  startedAt: journal.startedAt.length === 1 ? journal.startedAt[0] : journal.startedAt,
  commit: execFileSync('git', ['rev-parse', '--short', 'HEAD']).toString().trim(),
  machine: { cpu: cpus()[0]?.model ?? 'unknown', cores: cpus().length, memoryGiB: Math.round(totalmem() / 1024 ** 3) },
  versions: { node: process.version, ...report.versions },
  figures: report.figures,
}
await mkdir(directory, { recursive: true })
const suffix = report.variant === undefined ? '' : `-${report.variant}`
await writeFile(
  join(directory, `${file}${suffix}.json`),
  `${withRows(JSON.stringify(record, null, 2), report.rows ?? [])}\n`,
)
journal.end()
console.log(JSON.stringify(report.figures))
process.exit(0)

function openJournal(path: string): RowJournal {
  try {
    return RowJournal.open(path, { resume: values.resume })
  } catch (error) {
    console.error(`there is no interrupted run to go on with: ${String(error)}`)
    process.exit(2)
  }
}

function isReport(answer: BenchFigures | BenchReport): answer is BenchReport {
  return typeof answer.figures === 'object'
}

/** Adds the rows one to a line, so that a file of a hundred runs can be read and compared. */
function withRows(record: string, rows: readonly object[]): string {
  if (rows.length === 0) return record
  const lines = rows.map((row) => `    ${JSON.stringify(row)}`).join(',\n')
  return `${record.slice(0, record.lastIndexOf('\n'))},\n  "rows": [\n${lines}\n  ]\n}`
}
