import assert from 'node:assert/strict'
import { PassThrough } from 'node:stream'
import { it } from 'node:test'
import type { PlanUpdate } from '@shoal/api'
import { ManualClock } from '@shoal/core'
import { Output } from '../../src/output.ts'
import { createPlanView } from '../../src/prefetch/plan-view.ts'
import { buildDone, buildPlanNode, buildProgress, buildUpdate, NOW } from './build-plan.ts'

const label = { id: 'p-1a2b', name: '', deadline: null }
const nodes = { total: 4, waiting: 1, fetching: 2, ready: 1, failed: 0, excluded: 0 }

function build(options: { json?: boolean; isInteractive?: boolean }) {
  const clock = new ManualClock(NOW)
  const stdout = new PassThrough({ encoding: 'utf8' })
  const stderr = Object.assign(new PassThrough({ encoding: 'utf8' }), { columns: 80, rows: 24 })
  const terminal = { env: {}, cwd: '/', stdout, stderr, isInteractive: options.isInteractive ?? false, columns: 80 }
  const output = new Output(terminal, { json: options.json ?? false, clock })
  const read = (stream: PassThrough): string => stream.read() ?? ''
  return {
    clock,
    terminal,
    view: createPlanView({ clock, terminal, output }, label),
    out: () => read(stdout),
    err: () => read(stderr),
  }
}

/** What a screen shows after a text with the sequences of the view: up, clear to the end of the line, clear below. */
function screen(text: string): string[] {
  const lines: string[] = []
  let row = 0
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control sequences are what this understands.
  for (const [token] of text.matchAll(/\u001b\[\d+A|\u001b\[K|\u001b\[J|\n|[^\u001b\n]+/g)) {
    if (token === '\n') row += 1
    else if (token.endsWith('A') && token.startsWith('\u001b')) row -= Number(token.slice(2, -1))
    else if (token === '\u001b[J') lines.splice(row)
    else if (token !== '\u001b[K') lines[row] = token
  }
  return lines.map((line) => line ?? '')
}

it('draws over what it drew on a terminal, and leaves nothing of it', () => {
  const { view, err, out } = build({ isInteractive: true })
  view.update(buildUpdate({ progress: buildProgress({ slowest: [buildPlanNode('compute-1'), buildPlanNode('n2')] }) }))
  const first = err()
  assert.equal(screen(first).length, 8)
  view.cut()
  const second = first + err()
  assert.match(screen(second)[0] ?? '', /running \(connection lost, connecting again\)$/)
  view.update(buildUpdate({ state: 'done', progress: buildDone() }))
  assert.deepEqual(screen(`before\n${second}${err()}`), [
    'before',
    'plan p-1a2b: done',
    '[============================================================] 100 % of 4.00 GiB',
    'nodes  4 of 4 ready',
    'time   all are ready',
  ])
  assert.equal(out(), '')
})

it('fits what it draws into the size that the terminal has by then', () => {
  const { view, err, terminal } = build({ isInteractive: true })
  const slowest = Array.from({ length: 10 }, (_, index) => buildPlanNode(`n${index}`))
  Object.assign(terminal.stderr, { columns: 50, rows: 10 })
  view.update(buildUpdate({ progress: buildProgress({ slowest }) }))
  const lines = screen(err())
  assert.equal(lines.length, 9)
  assert.ok(lines.every((line) => line.length <= 50))
})

it('prints a line where there is no terminal: at once when a state changes, every five seconds when bytes do', () => {
  const { view, out, err, clock } = build({})
  const update = (overrides: Partial<PlanUpdate['progress']>, state: PlanUpdate['state'] = 'running') =>
    view.update(buildUpdate({ state, progress: buildProgress({ estimatedFinishAt: null, ...overrides }) }))
  const shown = () =>
    out()
      .split('\n')
      .filter((line) => line !== '')
  update({ presentBytes: 0 })
  assert.equal(shown().length, 1)
  clock.advance(1000)
  update({ presentBytes: 1024 ** 3 })
  assert.deepEqual(shown(), [])
  clock.advance(4000)
  update({ presentBytes: 1024 ** 3 })
  assert.match(shown().join('\n'), /25 % of 4\.00 GiB/)
  update({ presentBytes: 1024 ** 3, nodes: { ...nodes, fetching: 1, failed: 1 } })
  assert.match(shown().join('\n'), /1 failed/)
  update({ presentBytes: 1024 ** 3, nodes: { ...nodes, fetching: 1, failed: 1 } }, 'paused')
  assert.match(shown().join('\n'), /^p-1a2b: paused/)
  view.cut()
  assert.deepEqual(shown(), ['connection lost, connecting again'])
  assert.equal(err(), '')
})

it('prints every update as one line of JSON with --json, on a terminal, too', () => {
  const { view, out, err } = build({ json: true, isInteractive: true })
  const updates = [buildUpdate(), buildUpdate({ state: 'done', progress: buildDone() })]
  for (const update of updates) view.update(update)
  view.cut()
  assert.deepEqual(
    out()
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line)),
    updates,
  )
  assert.equal(err(), '')
})
