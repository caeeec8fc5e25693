import assert from 'node:assert/strict'
import { it } from 'node:test'
import { operations, type PlacementAnswer, type PlacementRequest } from '@shoal/api'
import { ShoalError, silentLogger } from '@shoal/core'
import { createHealth, createHttpService, createMetrics, registerOperation } from '@shoal/service'
import { EXIT } from '../../src/exit-code.ts'
import { buildImage } from '../builders.ts'
import { runCli } from '../run-cli.ts'

const TOKEN = 'operator-token-of-the-stand-in'
const MIB = 1024 ** 2
const images = [buildImage({ id: 'id-1', name: 'debian-12' }), buildImage({ id: 'id-2', name: 'a=b' })]
const answer: PlacementAnswer = {
  placements: [
    { image: 'id-1', node: 'c1', vms: 3, missingBytes: 0 },
    { image: 'id-2', node: 'c2', vms: 1, missingBytes: 300 * MIB },
  ],
  ...{ unplaced: [], nodesConsidered: 9, nodesUsed: 2, missingBytes: 300 * MIB },
  ...{ mostLoaded: 4.25, isOptimal: false, gap: 0.0123 },
}

/** A seed that has images and one answer, and the command line that talks to it. */
async function startSeed(given: PlacementAnswer = answer) {
  const asked: PlacementRequest[] = []
  const metrics = createMetrics()
  const http = await createHttpService(
    { logger: silentLogger, metrics, health: createHealth() },
    {
      ...{ name: 'stand-in', version: '1', host: '127.0.0.1', port: 0 },
      tokens: { operator: TOKEN, node: 'n'.repeat(20) },
      openapi: { title: 'stand-in', description: '' },
      statusByCode: { SHOAL_IMAGE_UNKNOWN: 404, SHOAL_PLACEMENT_NO_NODES: 409 },
    },
  )
  registerOperation(http.app, operations.showImage, ({ params }) => {
    const image = images.find(({ id }) => id === params.image)
    if (image === undefined) throw new ShoalError('SHOAL_IMAGE_UNKNOWN', 'unknown', { hint: '', details: {} })
    return image
  })
  registerOperation(http.app, operations.listImages, () => ({ images, next: null }))
  registerOperation(http.app, operations.placeVms, ({ body }) => {
    asked.push(body)
    if (body.zone === 'empty') throw new ShoalError('SHOAL_PLACEMENT_NO_NODES', 'none', { hint: 'other', details: {} })
    return given
  })
  const url = await http.start()
  return {
    asked,
    shoal: (argv: string[]) => runCli([...argv, '--seed', url], { env: { SHOAL_TOKEN: TOKEN } }),
    async [Symbol.asyncDispose]() {
      await http.stop()
      metrics.close()
    },
  }
}

it('asks for VMs of images by name or id, and shows the places', async () => {
  await using seed = await startSeed()
  const { code, stdout } = await seed.shoal(['place', '--image', 'debian-12=3', '--image', 'a=b=1'])
  assert.equal(code, EXIT.ok)
  assert.deepEqual(seed.asked, [
    {
      images: [
        { image: 'id-1', vms: 3 },
        { image: 'id-2', vms: 1 },
      ],
    },
  ])
  assert.deepEqual(stdout.trimEnd().split('\n'), [
    'vms      4 on 2 of 9 nodes',
    'to move  300 MiB',
    'load     4.3 at most, with these',
    'proof    at most 1.3 % of its cost could be saved',
    '',
    'NODE  VMS  IMAGE      MISSING',
    'c1      3  debian-12      0 B',
    'c2      1  a=b        300 MiB',
  ])
})

it('hands on which nodes come into question, and prints the answer as it is with --json', async () => {
  await using seed = await startSeed()
  const where = ['--node', 'c1=2', '--node', 'c2', '--rack', 'r1', '--aggregate', 'ssd', '--vms-per-node', '4']
  const { stdout } = await seed.shoal(['place', '--image', 'id-1=3', ...where, '--spread', '0', '--json'])
  assert.deepEqual(seed.asked, [
    {
      images: [{ image: 'id-1', vms: 3 }],
      nodes: [{ node: 'c1', vms: 2 }, { node: 'c2' }],
      ...{ rack: 'r1', aggregate: 'ssd', vmsPerNode: 4, spread: 0 },
    },
  ])
  assert.deepEqual(JSON.parse(stdout), answer)
})

it('ends as incomplete when some VMs have no place, and names them', async () => {
  const unplaced = [{ image: 'id-1', vms: 2 }]
  await using seed = await startSeed({ ...answer, placements: [], unplaced, isOptimal: true })
  const { code, stdout } = await seed.shoal(['place', '--image', 'debian-12=2'])
  assert.equal(code, EXIT.incomplete)
  assert.match(stdout, /No node has room for 2 of debian-12\./)
  assert.match(stdout, /no placement costs less/)
})

for (const wrong of [
  ['debian-12'],
  ['debian-12=0'],
  ['debian-12=x'],
  ['=3'],
  ['debian-12=10001'],
  ['id-1=1', 'debian-12=1'],
]) {
  it(`refuses ${wrong.join(' and ')} before the seed is asked for places`, async () => {
    await using seed = await startSeed()
    const { code, stderr } = await seed.shoal(['place', ...wrong.flatMap((text) => ['--image', text])])
    assert.equal(code, EXIT.usage)
    assert.match(stderr, /shoal place/)
    assert.deepEqual(seed.asked, [])
  })
}

it('says that no node comes into question as the seed does', async () => {
  await using seed = await startSeed()
  const { code, stderr } = await seed.shoal(['place', '--image', 'debian-12=1', '--zone', 'empty'])
  assert.equal(code, EXIT.failed)
  assert.match(stderr, /SHOAL_PLACEMENT_NO_NODES/)
})
