import assert from 'node:assert/strict'
import { it } from 'node:test'
import { EXIT } from '../../src/exit-code.ts'
import { buildDone, buildPlan, buildPlanNode, buildProgress, GIB, MIB, summaryOf } from './build-plan.ts'
import { startStandInPlans } from './stand-in-plans.ts'

const running = buildPlan({ id: 'p-3c', name: 'web', source: 'rule:web' })
const done = buildPlan({ id: 'p-2b', state: 'done', progress: buildDone() })
const paused = buildPlan({ id: 'p-1a', name: '', state: 'paused', progress: buildProgress({ bytesPerSecond: 0 }) })

it('lists the plans of all pages, or those in a state', async () => {
  await using seed = await startStandInPlans({ plans: [running, done, paused] })
  const { code, stdout } = await seed.shoal(['prefetch', 'list'])
  assert.equal(code, EXIT.ok)
  const [title, ...lines] = stdout.trimEnd().split('\n')
  assert.match(title ?? '', /^PLAN {2}NAME {5}STATE {4}READY {3}DONE {8}OF {8}RATE {2}READY IN {2}SOURCE {4}ASKED FOR$/)
  assert.match(
    lines[0] ?? '',
    /^p-3c {2}web {6}running {4}1\/4 {3}50 % {2}4\.00 GiB {2}10\.0 MiB\/s {7}now {2}rule:web {2}\d+ d ago$/,
  )
  assert.match(lines[1] ?? '', /^p-2b {2}nightly {2}done {7}4\/4 {2}100 % {2}4\.00 GiB {11}- {9}- {2}api /)
  assert.match(lines[2] ?? '', /^p-1a {2}- {8}paused /)
  const json = await seed.shoal(['prefetch', 'list', '--state', 'done', '--json'])
  assert.deepEqual(JSON.parse(json.stdout), { plans: [summaryOf(done)], next: null })
  assert.match((await seed.shoal(['prefetch', 'list', '--state', 'failed'])).stdout, /^No plan is failed\.\n$/)
  assert.equal((await seed.shoal(['prefetch', 'list', '--state', 'odd'])).code, EXIT.usage)
  seed.state.plans = []
  assert.match((await seed.shoal(['prefetch', 'list'])).stdout, /^There is no plan/)
})

it('shows how far a plan is, its terms and its slowest nodes', async () => {
  const error = { code: 'SHOAL_PLAN_IMAGE', message: 'It was deactivated.', hint: 'Use another.', details: {} }
  const slowest = [
    buildPlanNode('n3', { reason: { code: 'no-source', message: 'Nobody has it.' } }),
    buildPlanNode('n1', { state: 'ready' }),
  ]
  const ofWave = { nodes: 4, nodesReady: 1, wantedBytes: 4 * GIB, presentBytes: GIB, estimatedFinishAt: null }
  const plan = buildPlan({
    ...{ state: 'failed', error, weight: 20, progress: buildProgress({ slowest, waves: [{ wave: 1, ...ofWave }] }) },
    ...{ notBefore: '2026-01-01T01:00:00.000Z', finishedAt: '2026-01-01T02:00:00.000Z' },
    limits: { bytesPerSecond: 200e6, nodeBytesPerSecond: 20e6 },
  })
  await using seed = await startStandInPlans({ plans: [plan] })
  const { code, stdout } = await seed.shoal(['prefetch', 'show', 'p-1a2b'])
  assert.equal(code, EXIT.ok)
  assert.match(stdout, /^plan +p-1a2b "nightly"\nstate +failed\nerror +It was deactivated\. \(SHOAL_PLAN_IMAGE\)\n/)
  assert.match(stdout, /\n +asked for \d+ d ago by api, started \d+ d ago, ended \d+ d ago\n/)
  assert.match(stdout, /\nnodes +1 of 4 ready, 2 fetching, 1 waiting\ndone +50 % of 4\.00 GiB, now 10\.0 MiB\/s\n/)
  assert.match(
    stdout,
    /\npriority +50, weight 20\nlimit +200 MB\/s together, 20 MB\/s a node\nnot before +2026-01-01T01/,
  )
  assert.match(
    stdout,
    /\nNODE +STATE.*\nn3 +fetching +25 % +1\.00 GiB +1\.00 MiB\/s +now +no-source: Nobody has it\.\n\n/,
  )
  assert.match(stdout, /\nWAVE .* THERE\n *0 {2}boot .*\n *1 {2}rest .* 25 %\n/)
  const json = await seed.shoal(['prefetch', 'show', 'p-1a2b', '--json'])
  assert.deepEqual(JSON.parse(json.stdout), plan)
})

it('lists all nodes of a plan, or those in a state', async () => {
  const nodes = [
    buildPlanNode('n1', { state: 'ready', presentBytes: GIB, bytesPerSecond: 0, vms: 2 }),
    buildPlanNode('n2', { estimatedFinishAt: null, presentBytes: 512 * MIB }),
  ]
  await using seed = await startStandInPlans({ plans: [running], nodes })
  const show = (...argv: string[]) => seed.shoal(['prefetch', 'show', 'latest', '--nodes', ...argv])
  assert.deepEqual((await show()).stdout.split('\n'), [
    'NODE  STATE      DONE        OF        RATE  READY IN  VMS  WHY',
    'n1    ready     100 %  1.00 GiB           -         -    2  -',
    'n2    fetching   50 %  1.00 GiB  1.00 MiB/s         -    0  -',
    '',
  ])
  assert.deepEqual(JSON.parse((await show('--state', 'ready', '--json')).stdout), { nodes: [nodes[0]], next: null })
  assert.equal((await show('--state', 'failed')).stdout, 'No node of the plan is failed.\n')
  const alone = await seed.shoal(['prefetch', 'show', 'latest', '--state', 'ready'])
  assert.equal(alone.code, EXIT.usage)
})

it('shows downloads as what they are: nobody asked for them, and nothing was foretold', async () => {
  const change = {
    kind: 'download',
    source: 'downloads',
    images: [{ image: 'id-1', form: 'file' }],
    waves: [],
  } as const
  const plan = buildPlan({
    ...change,
    id: 'download-1',
    name: 'web (downloads)',
    images: [...change.images],
    waves: [],
  })
  await using seed = await startStandInPlans({ plans: [running, plan] })
  const list = await seed.shoal(['prefetch', 'list', '--kind', 'download', '--json'])
  assert.deepEqual(JSON.parse(list.stdout), { plans: [summaryOf(plan)], next: null })
  const { stdout } = await seed.shoal(['prefetch', 'show', 'download-1'])
  assert.match(stdout, /\nkind +downloads by nodes themselves/)
  assert.match(stdout, /\nid-1 +50 +file +nodes that download it\n/)
  assert.doesNotMatch(stdout, /predicted|pinned/)
  seed.state.plans = []
  assert.match((await seed.shoal(['prefetch', 'list', '--kind', 'download'])).stdout, /^No node has downloaded/)
})
