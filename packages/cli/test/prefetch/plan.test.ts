import assert from 'node:assert/strict'
import { it } from 'node:test'
import { EXIT } from '../../src/exit-code.ts'
import { buildPlan, buildProgress, GIB, later } from './build-plan.ts'
import { startStandInPlans } from './stand-in-plans.ts'

const dry = {
  id: null,
  state: 'planned',
  startedAt: null,
  progress: buildProgress({ bytesPerSecond: 0, estimatedFinishAt: null }),
} as const

it('a dry run shows what is expected, and exits 0 when all of it can be met', async () => {
  await using seed = await startStandInPlans({ onCreate: () => buildPlan({ ...dry, deadline: later(300) }) })
  const { code, stdout } = await seed.shoal(['prefetch', 'plan', 'debian-12', '--all'])
  assert.equal(code, EXIT.ok)
  assert.deepEqual(stdout.split('\n'), [
    'plan       dry run: nothing was kept "nightly"',
    'priority   50',
    'deadline   2026-01-01T00:05:00.000Z, predicted 1 min 0 s before the deadline',
    'expires    2026-01-08T00:00:00.000Z',
    'pinned     until 2026-01-08T00:00:00.000Z',
    'nodes      4, of which 1 have all of it already; 2.00 GiB of 4.00 GiB are missing',
    'predicted  ready 4 min 0 s after its start, at 2026-01-01T00:04:00.000Z',
    'at best    3 min 20 s, by what the seed can send; the plan takes 1.20 times that',
    'bytes      1.00 GiB from the library, 1.00 GiB from the seed',
    '           2.00 GiB within racks, 1.00 GiB between racks',
    '',
    'IMAGE  PRIORITY  FORM  WHERE',
    'id-1         50  boot  every node',
    '',
    'WAVE  KIND  LAYERS  NODES     BYTES    OPENS     ENDS',
    '   0  boot       1      4  64.0 MiB    + 0 s  + 4.0 s',
    '   1  rest       1      4  4.00 GiB  + 4.0 s        -',
    '',
  ])
})

it('says what cannot be met and the nearest that can, what is evicted and where VMs go, and exits 6', async () => {
  const bytes = { libraryToSeed: GIB, seedToNode: GIB, inRack: GIB, crossRack: 0 }
  const plan = buildPlan({
    ...dry,
    images: [{ image: 'id-1', vms: 30, vmsPerNode: 2, rack: 'r1' }],
    placements: Array.from({ length: 12 }, (_, index) => ({ image: 'id-1', node: `n${index}`, vms: 2 })),
    evictions: [
      { node: 'n1', bytes: GIB },
      { node: 'n2', bytes: 2 * GIB },
    ],
    unmet: [
      {
        ...{ image: 'id-1', reason: 'places', message: '24 of 30 VMs have a place.' },
        ...{ nodes: ['n20', 'n21'], nodeCount: 3, earliestAt: null },
      },
      {
        ...{ image: 'id-1', reason: 'deadline', message: 'It comes too late.' },
        ...{ nodes: [], nodeCount: 0, earliestAt: later(400) },
      },
    ],
    simulation: {
      ...{ seconds: null, medianSeconds: 100, unfinishedNodes: 3, seedCopies: 1.04, crossRackCopies: 1.01, bytes },
    },
  })
  await using seed = await startStandInPlans({ onCreate: () => plan })
  const { code, stdout } = await seed.shoal(['prefetch', 'plan', 'web', '--vms', '30'])
  assert.equal(code, EXIT.incomplete)
  assert.match(stdout, /^simulated +never all, half of the nodes in 1 min 40 s, 3 never\n +seed copies 1\.04, /m)
  assert.match(stdout, /^id-1 +50 +boot +30 VMs, at most 2 a node, of rack r1$/m)
  const unmet = [
    'CANNOT BE MET',
    '  id-1: places: 24 of 30 VMs have a place.',
    '    on 3 nodes: n20, n21 and 1 more',
    '  id-1: deadline: It comes too late.',
    '    a deadline that can be kept: 2026-01-01T00:06:40.000Z',
  ]
  assert.ok(stdout.includes(`\n\n${unmet.join('\n')}\n\n`), stdout)
  assert.match(
    stdout,
    /Places for 24 VMs on 12 nodes:\nNODE +VMS +IMAGE\nn0 +2 +id-1\n(?:.*\n){9}\(2 more with --json\)/,
  )
  assert.match(stdout, /Nodes evict 3\.00 GiB for it:\nNODE +HAS TO EVICT\nn2 +2\.00 GiB\nn1 +1\.00 GiB\n$/)
  const json = await seed.shoal(['prefetch', 'plan', 'web', '--vms', '30', '--json'])
  assert.equal(json.code, EXIT.incomplete)
  assert.deepEqual(JSON.parse(json.stdout), plan)
})

it('says so when nothing has to move, and when it would never end', async () => {
  const prediction = {
    ...{ finishAt: later(0), seconds: 0, fluidBoundSeconds: 0, limitedBy: 'nothing' },
    bytes: { libraryToSeed: 0, seedToNode: 0, inRack: 0, crossRack: 0 },
  }
  await using seed = await startStandInPlans({ onCreate: () => buildPlan({ ...dry, prediction, waves: [] }) })
  const plan = async () => (await seed.shoal(['prefetch', 'plan', 'web', '--all'])).stdout
  assert.match(await plan(), /^predicted +nothing has to move\nat best +no time$/m)
  seed.state.onCreate = () => buildPlan({ ...dry, prediction: { ...prediction, finishAt: null, seconds: null } })
  assert.match(await plan(), /^predicted +never, as things are$/m)
})
