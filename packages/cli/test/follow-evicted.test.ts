import assert from 'node:assert/strict'
import { PassThrough } from 'node:stream'
import { it } from 'node:test'
import { createContext } from '../src/context.ts'
import { EXIT } from '../src/exit-code.ts'
import { type Distribution, followDistribution } from '../src/follow/distribution.ts'
import { buildAssignment, buildHeld, buildLayer, buildNode } from './builders.ts'
import { runCli } from './run-cli.ts'
import { startStandInSeed, TOKEN } from './stand-in-seed.ts'

const layer = buildLayer()
const one = buildAssignment('n1')
const two = buildAssignment('n2')
const fetching = buildHeld({ state: 'fetching', presentBytes: 0 })
const gone = buildHeld({ state: 'evicted', presentBytes: 0, evictedAssignment: two.createdAt })

/** Follows the layer; each look after the first finds what the next of `steps` makes of the fleet. */
async function follow(url: string, steps: (() => void)[], nodes?: readonly string[]): Promise<Distribution> {
  const sleep = async () => {
    const step = steps.shift()
    assert.ok(step, 'it would wait for ever')
    step()
  }
  const terminal = {
    ...{ env: {}, cwd: '/', isInteractive: false, columns: 100 },
    ...{ stdout: new PassThrough(), stderr: new PassThrough() },
  }
  const args = { seed: url, token: TOKEN, json: true }
  const signal = new AbortController().signal
  const context = createContext({ terminal, clock: { now: () => 0, elapsed: () => 0, sleep } }, { args, signal })
  return followDistribution(context, { layer: layer.digest, ...(nodes === undefined ? {} : { nodes }) })
}

for (const nodes of [undefined, ['n1', 'n2']]) {
  const whom = nodes === undefined ? 'the nodes it is assigned to' : 'nodes that are named'
  it(`of ${whom}, one that evicted the layer is told of although it speaks of it no more`, async () => {
    await using seed = await startStandInSeed({
      layers: [layer],
      nodes: [buildNode('n1', [fetching]), buildNode('n2', [fetching])],
      assignments: [one, two],
    })
    const { state } = seed
    const evict = () => {
      state.nodes = [buildNode('n1', [fetching]), buildNode('n2', [gone])]
      state.assignments = [one]
    }
    const complete = () => {
      state.nodes = [buildNode('n1', [buildHeld()]), buildNode('n2', [])]
    }
    const end = await follow(seed.url, [evict, complete], nodes)
    assert.deepEqual([end.nodes, end.complete, end.evicted, end.unassigned], [2, 1, ['n2'], []])
  })
}

it('a node that was taken back, and one assigned meanwhile, are told of as well', async () => {
  await using seed = await startStandInSeed({
    layers: [layer],
    nodes: [buildNode('n1', [fetching]), buildNode('n2', [fetching])],
    assignments: [two],
  })
  const { state } = seed
  const change = () => {
    state.nodes = [buildNode('n1', [buildHeld()]), buildNode('n2', [])]
    state.assignments = [one]
  }
  const end = await follow(seed.url, [change])
  assert.deepEqual([end.nodes, end.complete, end.evicted, end.unassigned], [2, 1, [], ['n2']])
})

it('"layer assign --wait" ends with 6 and a clear word where there was no room', async () => {
  await using seed = await startStandInSeed({
    layers: [layer],
    nodes: [buildNode('n1', [buildHeld()]), buildNode('n2', [gone])],
    assignments: [one, two],
  })
  const { code, stdout } = await runCli(['layer', 'assign', layer.digest, '--all', '--wait', '--seed', seed.url], {
    env: { SHOAL_TOKEN: TOKEN },
  })
  assert.equal(code, EXIT.incomplete)
  assert.match(stdout, /on 1 of 2 nodes, 1 evicted\n.*on 1 of 2 nodes, seed copies 1\.00\nevicted from n2 \(/)
})
