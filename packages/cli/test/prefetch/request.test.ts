import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { it } from 'node:test'
import type { PrefetchRequest } from '@shoal/api'
import { undoAfter } from '../../../../test/harness/undo.ts'
import { EXIT } from '../../src/exit-code.ts'
import { startStandInPlans } from './stand-in-plans.ts'

async function* piped(text: string) {
  yield text.slice(0, 5)
  yield text.slice(5)
}

it('asks for images by id, where they are wanted, and on which terms', async () => {
  await using seed = await startStandInPlans()
  const asked = async (...argv: string[]) => {
    const { code, stderr } = await seed.shoal(['prefetch', 'plan', ...argv])
    assert.equal(code, EXIT.ok, stderr)
    return seed.state.created.splice(0)
  }
  assert.deepEqual(await asked('debian-12', 'id-2', 'debian-12', '--node', 'n1', '--node', 'n2'), [
    {
      request: {
        images: [
          { image: 'id-1', nodes: ['n1', 'n2'] },
          { image: 'id-2', nodes: ['n1', 'n2'] },
        ],
        dryRun: true,
      },
      key: undefined,
    },
  ])
  const terms = ['--priority', '80', '--weight', '20', '--limit', '200MB/s', '--node-limit', 'none', '--name', 'boot']
  const times = ['--not-before', '2999-01-01T00:00Z', '--deadline', '2999-01-02T00:00+01:00', '--expires', 'none']
  const [full] = await asked('web', '--all', '--zone', 'z1', ...terms, ...times, '--pin-until', '2999-01-03T00:00Z')
  assert.deepEqual(full?.request, {
    images: [{ image: 'id-2', all: true, zone: 'z1' }],
    name: 'boot',
    priority: 80,
    weight: 20,
    limits: { bytesPerSecond: 200e6, nodeBytesPerSecond: null },
    notBefore: '2999-01-01T00:00:00.000Z',
    deadline: '2999-01-01T23:00:00.000Z',
    expiresAt: null,
    pinnedUntil: '2999-01-03T00:00:00.000Z',
    dryRun: true,
  })
  const [vms] = await asked('web', '--vms', '200', '--vms-per-node', '4', '--rack', 'r1', '--aggregate', 'gpu')
  assert.deepEqual(vms?.request.images, [{ image: 'id-2', vms: 200, vmsPerNode: 4, rack: 'r1', aggregate: 'gpu' }])
  const [file] = await asked('web', '--all', '--form', 'file')
  assert.deepEqual(file?.request.images, [{ image: 'id-2', form: 'file', all: true }])
})

it('asks for a simulation when any of its options is given', async () => {
  await using seed = await startStandInPlans()
  const simulate = async (...argv: string[]) => {
    assert.equal((await seed.shoal(['prefetch', 'plan', 'web', '--all', ...argv])).code, EXIT.ok)
    return seed.state.created.splice(0)[0]?.request.simulate
  }
  assert.equal(await simulate(), undefined)
  assert.deepEqual(await simulate('--simulate'), {})
  assert.deepEqual(
    await simulate('--rate-spread', '20%', '--lose-nodes', '0.3', '--slow-nodes', '5%', '--random-seed', '7'),
    { rateSpread: 0.2, lostNodes: 0.3, slowNodes: 0.05, randomSeed: 7 },
  )
})

it('reads a whole request from a file or from standard input; terms of the command line replace its own', async (t) => {
  const directory = await mkdtemp(join(tmpdir(), 'shoal-cli-'))
  undoAfter(t).after(() => rm(directory, { recursive: true }))
  await using seed = await startStandInPlans()
  const request: PrefetchRequest = {
    images: [
      { image: 'debian-12', all: true },
      { image: 'id-2', vms: 3, priority: 90 },
    ],
    priority: 10,
    limits: { bytesPerSecond: 1e6, nodeBytesPerSecond: 1e5 },
  }
  const images = [
    { image: 'id-1', all: true },
    { image: 'id-2', vms: 3, priority: 90 },
  ]
  await writeFile(join(directory, 'plan.json'), JSON.stringify(request))
  const read = await seed.shoal(['prefetch', 'plan', '--file', 'plan.json'], { cwd: directory })
  assert.equal(read.code, EXIT.ok, read.stderr)
  assert.deepEqual(seed.state.created.splice(0)[0]?.request, { ...request, images, dryRun: true })

  const argv = ['prefetch', 'plan', '--file', '-', '--priority', '70', '--limit', '2MB/s']
  const input = await seed.shoal(argv, { stdin: piped(JSON.stringify({ ...request, dryRun: false })) })
  assert.equal(input.code, EXIT.ok, input.stderr)
  assert.deepEqual(seed.state.created.splice(0)[0]?.request, {
    images,
    priority: 70,
    limits: { bytesPerSecond: 2e6, nodeBytesPerSecond: 1e5 },
    dryRun: true,
  })

  await writeFile(join(directory, 'broken.json'), '{"images": [')
  await writeFile(join(directory, 'other.json'), '{"images": ["debian-12"]}')
  for (const path of ['broken.json', 'other.json', 'absent.json', '-']) {
    const { code, stderr } = await seed.shoal(['prefetch', 'plan', '--file', path], { cwd: directory })
    assert.equal(code, EXIT.usage, path)
    assert.match(stderr, /SHOAL_CLI_PLAN_FILE/, path)
  }
  assert.deepEqual(seed.state.created, [])
})

it('refuses what is not clear before anything is asked for', async () => {
  await using seed = await startStandInPlans()
  for (const [reason, ...argv] of [
    [/Say which image/, '--all'],
    [/Say which nodes/, 'web'],
    [/mutually exclusive/, 'web', '--all', '--node', 'n1'],
    [/mutually exclusive/, 'web', '--all', '--vms', '3'],
    [/mutually exclusive/, 'web', '--node', 'n1', '--vms', '3'],
    [/vms-per-node -> vms/, 'web', '--all', '--vms-per-node', '3'],
    [/file alone/, 'web', '--file', 'plan.json'],
    [/file alone/, '--all', '--file', 'plan.json'],
    [/--limit: .*no unit/, 'web', '--all', '--limit', '200'],
    [/--node-limit: .*no configured limit/, 'web', '--all', '--node-limit', 'configured'],
    [/over already/, 'web', '--all', '--deadline', '2020-01-01T00:00Z'],
    [/write 90%/, 'web', '--all', '--lose-nodes', '90'],
    [/1 % or all/, 'web', '--all', '--lose-nodes', '1'],
    [/more than all/, 'web', '--all', '--rate-spread', '101%'],
    [/is no share/, 'web', '--all', '--slow-nodes', 'some'],
    [/whole number/, 'web', '--vms', '1.5'],
  ] as const) {
    const { code, stderr } = await seed.shoal(['prefetch', 'plan', ...argv])
    assert.equal(code, EXIT.usage, argv.join(' '))
    assert.match(stderr.replace(/\s+/g, ' '), reason, argv.join(' '))
  }
  const unknown = await seed.shoal(['prefetch', 'plan', 'nothing', '--all'])
  assert.equal(unknown.code, EXIT.notFound)
  assert.match(unknown.stderr, /SHOAL_CLI_IMAGE_UNKNOWN/)
  assert.deepEqual(seed.state.created, [])
})
