import { spawn } from 'node:child_process'
import { globSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { join, relative } from 'node:path'
import { Readable } from 'node:stream'
import { run } from 'node:test'
import { spec } from 'node:test/reporters'
import { parseArgs } from 'node:util'
import { destroyAbandonedLabs } from '../lab/destroy-lab.ts'
import { joinTestRuns, type TestRunEvent } from './join-test-runs.ts'

const USAGE = `Usage: node infra/dev/test.ts [--soak | --chaos] [filter...]
  Checks style and types, then runs all tests: unit tests side by side, test/e2e-*.test.ts after them one by one.
  filter   run only test files whose path contains one of these, without the checks
  --soak   run test/soak/*.test.ts instead
  --chaos  run test/chaos/*.test.ts instead`

/** One file may not hold up the rest for ever. Soak and chaos tests set their own limits. */
const UNIT_FILE_TIMEOUT_MS = 5 * 60_000
const END_TO_END_FILE_TIMEOUT_MS = 15 * 60_000

const root = join(import.meta.dirname, '../..')

interface Stage {
  readonly files: string[]
  readonly concurrency: number
  readonly timeoutMs: number
}

function findStages(options: { long: 'soak' | 'chaos' | undefined; filters: string[] }): Stage[] {
  const find = (pattern: string) =>
    globSync(pattern, { cwd: root })
      .filter((path) => options.filters.length === 0 || options.filters.some((filter) => path.includes(filter)))
      .sort()
      .map((path) => join(root, path))
  if (options.long !== undefined) {
    return [{ files: find(`test/${options.long}/*.test.ts`), concurrency: 1, timeoutMs: Number.POSITIVE_INFINITY }]
  }
  const across = find('test/*.test.ts')
  const isEndToEnd = (path: string) => relative(join(root, 'test'), path).startsWith('e2e-')
  return [
    {
      files: [...find('packages/*/test/**/*.test.ts'), ...across.filter((path) => !isEndToEnd(path))],
      concurrency: Math.max(2, availableParallelism()),
      timeoutMs: UNIT_FILE_TIMEOUT_MS,
    },
    // These bring up whole fleets and measure rates, so they get the machine to themselves.
    { files: across.filter(isEndToEnd), concurrency: 1, timeoutMs: END_TO_END_FILE_TIMEOUT_MS },
  ]
}

/** Runs one check to its end. Its output is shown in one piece, since several run side by side. */
async function check(name: string, argv: readonly string[]): Promise<boolean> {
  const [command = '', ...args] = argv
  const child = spawn(join(root, 'node_modules/.bin', command), args, { cwd: root, stdio: ['ignore', 'pipe', 'pipe'] })
  const output: Buffer[] = []
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => output.push(chunk))
  const ok = await new Promise<boolean>((resolve, reject) => {
    child.once('error', reject)
    child.once('close', (code) => resolve(code === 0))
  })
  if (!ok) process.stderr.write(Buffer.concat(output))
  process.stderr.write(`${ok ? '✔' : '✖'} ${name}\n`)
  return ok
}

async function runTests(stages: readonly Stage[]): Promise<boolean> {
  let ok = true
  const runs = stages
    .filter((stage) => stage.files.length > 0)
    .map(({ files, concurrency, timeoutMs }) => {
      return (): AsyncIterable<TestRunEvent> => {
        const events = run({ files, concurrency, timeout: timeoutMs, cwd: root })
        events.on('test:fail', (event) => {
          if (event.todo === undefined || event.todo === false) ok = false
        })
        return events
      }
    })
  const report = Readable.from(joinTestRuns(runs)).compose<NodeJS.ReadWriteStream>(spec as never)
  for await (const text of report) process.stdout.write(text)
  return ok
}

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    soak: { type: 'boolean', default: false },
    chaos: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
})
if (values.help) {
  console.log(USAGE)
  process.exit(0)
}
// Test files and the services that they start load the same modules again and again: types are stripped and code compiled once.
process.env.NODE_COMPILE_CACHE ??= join(root, 'node_modules/.cache/compile')
const long = values.soak ? 'soak' : values.chaos ? 'chaos' : undefined
const stages = findStages({ long, filters: positionals })
if (stages.every((stage) => stage.files.length === 0)) {
  console.error(`No test file matches ${positionals.join(', ') || 'the patterns'}.`)
  process.exit(1)
}
// A test run that was killed may have left labs whose processes still take the machine's time.
await destroyAbandonedLabs().catch(() => {})
const checksWanted = positionals.length === 0 && long === undefined
const checks = checksWanted
  ? [
      check('biome ci', ['biome', 'ci', '.']),
      check('tsc', ['tsc', '-p', '.']),
      check('tsc dashboard', ['tsc', '-p', 'packages/dashboard']),
    ]
  : []
const checksOk = (await Promise.all(checks)).every(Boolean)
const testsOk = await runTests(stages)
if (!checksOk) console.error('✖ The tests ran, but style or types are not right: see above them.')
process.exitCode = checksOk && testsOk ? 0 : 1
