import assert from 'node:assert/strict'
import { it } from 'node:test'
import { formatLayers } from '../src/node/layer-table.ts'
import { buildHeld, buildNode, digestOf } from './builders.ts'
import { runCli } from './run-cli.ts'
import { startStandInSeed, TOKEN } from './stand-in-seed.ts'

const whole = buildHeld()
const gone = buildHeld({ digest: digestOf('bbbbbbbb'), state: 'evicted', presentBytes: 0 })
const remnant = buildHeld({ digest: digestOf('cccccccc'), state: 'evicted', presentBytes: 1024 })

it('says of an evicted layer whether a part of it stays', () => {
  const [, ...lines] = formatLayers([whole, gone, remnant]).split('\n')
  assert.match(lines[0] ?? '', /^aaaaaaaa0000 +complete /)
  assert.match(lines[1] ?? '', /^bbbbbbbb0000 +evicted +0 B of 1\.00 MiB /)
  assert.match(lines[2] ?? '', /^cccccccc0000 +evicted, a part stays +1\.00 KiB of 1\.00 MiB /)
})

it('a node neither holds nor wants what it evicted', async () => {
  await using seed = await startStandInSeed({ nodes: [buildNode('n1', [whole, gone, remnant])] })
  const { stdout } = await runCli(['node', 'list', '--seed', seed.url, '--token', TOKEN])
  assert.match(stdout, /\nn1 .* 1\/1 /)
})
