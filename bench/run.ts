import { execFileSync } from 'node:child_process'
import { mkdir, writeFile } from 'node:fs/promises'
import { cpus, totalmem } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'

/** A bench answers one question. Figures that could not be measured are `null`, with a reason. */
export interface Bench {
  run(options: { quick: boolean; say: (line: string) => void }): Promise<Record<string, number | string | null>>
}

const USAGE = `usage: npm run -s bench -- <name> [--quick]
  runs bench/<name>, stores its figures in bench/results/ and prints them as one JSON object on the last line
  --quick  under 50 s on 2 cores, honest at its smaller size
names: main-job`

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { quick: { type: 'boolean', default: false }, help: { type: 'boolean', default: false } },
})
const [name] = positionals
if (values.help || name === undefined || !/^[a-z][a-z-]*$/.test(name)) {
  console.error(USAGE)
  process.exit(values.help ? 0 : 2)
}

const bench = (await import(`./${name}/bench.ts`).catch((error: unknown) => {
  console.error(`there is no bench "${name}": ${String(error)}\n${USAGE}`)
  process.exit(2)
})) as Bench
const startedAt = new Date().toISOString()
const figures = await bench.run({ quick: values.quick, say: (line) => console.error(line) })
const record = {
  bench: name,
  quick: values.quick,
  startedAt,
  commit: execFileSync('git', ['rev-parse', '--short', 'HEAD']).toString().trim(),
  machine: { cpu: cpus()[0]?.model ?? 'unknown', cores: cpus().length, memoryGiB: Math.round(totalmem() / 1024 ** 3) },
  versions: { node: process.version },
  figures,
}
const directory = join(import.meta.dirname, 'results')
await mkdir(directory, { recursive: true })
const file = `${name}${values.quick ? '-quick' : ''}.json`
await writeFile(join(directory, file), `${JSON.stringify(record, null, 2)}\n`)
console.log(JSON.stringify(figures))
process.exit(0)
