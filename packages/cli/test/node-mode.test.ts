import assert from 'node:assert/strict'
import { it, type TestContext } from 'node:test'
import type { NodeModeRequest } from '@shoal/api'
import { EXIT } from '../src/exit-code.ts'
import { buildNode } from './builders.ts'
import { runCli } from './run-cli.ts'
import { startStandInSeed, TOKEN } from './stand-in-seed.ts'

async function start(t: TestContext) {
  const requests: NodeModeRequest[] = []
  const seed = await startStandInSeed({ nodes: [buildNode('n1')], onMode: (request) => void requests.push(request) })
  t.after(() => seed[Symbol.asyncDispose]())
  const run = (...argv: string[]) => runCli(['node', ...argv, '--seed', seed.url, '--token', TOKEN])
  return { seed, requests, run }
}

it('a node is drained, put into quarantine and activated, with a reason', async (t) => {
  const { requests, run } = await start(t)
  const drained = await run('drain', 'n1', '--reason', 'new disks')
  assert.equal(drained.code, EXIT.ok)
  assert.match(drained.stdout, /^n1: draining since .*: new disks\n$/)
  assert.match((await run('show', 'n1')).stdout, /mode +draining since .*, by token:operator: new disks/)
  assert.match((await run('list')).stdout, /n1 +ready, draining +z1/)
  const put = await run('quarantine', 'n1', '--reason', 'bad blocks', '--json')
  assert.equal(JSON.parse(put.stdout).mode, 'quarantined')
  assert.equal((await run('activate', 'n1')).code, EXIT.ok)
  assert.deepEqual(requests, [
    { mode: 'draining', reason: 'new disks' },
    { mode: 'quarantined', reason: 'bad blocks' },
    { mode: 'active' },
  ])
  assert.equal((await run('drain', 'n9')).code, EXIT.notFound)
})

it('waiting for a drain ends when the node is drained, activated by somebody, or the time is over', async (t) => {
  const { seed, run } = await start(t)
  const [node] = seed.state.nodes
  assert.ok(node)
  const late = await run('drain', 'n1', '--wait', '--timeout', '1s')
  assert.deepEqual([late.code, /NOT DRAINED, draining/.test(late.stdout)], [EXIT.incomplete, true])

  const after = (change: Partial<typeof node.mode>) => {
    seed.state.onMode = () => queueMicrotask(() => setImmediate(() => Object.assign(node.mode, change)))
  }
  after({ isDrained: true })
  const drained = await run('drain', 'n1', '--wait')
  assert.deepEqual([drained.code, /n1: drained\n$/.test(drained.stdout)], [EXIT.ok, true])
  after({ mode: 'active' })
  assert.equal((await run('drain', 'n1', '--wait')).code, EXIT.incomplete)
})
