import assert from 'node:assert/strict'
import { it } from 'node:test'
import type { LayeringRequest } from '@shoal/api'
import { EXIT } from '../src/exit-code.ts'
import { treesOf } from '../src/layer/tree.ts'
import { buildImage, buildLayer, buildLayering, digestOf } from './builders.ts'
import { runCli } from './run-cli.ts'
import { startStandInSeed, TOKEN } from './stand-in-seed.ts'

const MIB = 1024 ** 2
const base = buildLayer({ digest: digestOf('aaaaaaaa'), sizeBytes: 300 * MIB, nodesAssigned: 3, nodesComplete: 2 })
const flat = buildLayer({ digest: digestOf('bbbbbbbb'), sizeBytes: 400 * MIB })
const middle = buildLayer({ digest: digestOf('cccccccc'), parent: base.digest, kind: 'middle', sizeBytes: 40 * MIB })
const system = buildImage({ name: 'debian-12', layer: base.digest })
const server = buildImage({
  id: '6f0c2c1e-0000-4000-8000-000000000002',
  name: 'web-server',
  layer: flat.digest,
  chain: [base.digest, middle.digest],
  layering: buildLayering({ flatBytes: 400 * MIB, layerBytes: 40 * MIB }),
})
const layers = [base, flat, middle]
const images = [system, server]

it("a tree has bases with their middles, and not an image's own layer that a chain stands in for", () => {
  const [tree, ...others] = treesOf(layers, images)
  assert.deepEqual(others, [])
  assert.equal(tree?.layer, base)
  assert.deepEqual(tree.middles, [{ layer: middle, flatBytes: 400 * MIB }])
  assert.equal(tree.flatBytes, 700 * MIB)
  assert.equal(tree.storedBytes, 340 * MIB)
})

it('"layer tree" shows sizes, what is saved, and the images', async () => {
  await using seed = await startStandInSeed({ layers, images })
  const { stdout, code } = await runCli(['layer', 'tree', '--seed', seed.url], { env: { SHOAL_TOKEN: TOKEN } })
  assert.equal(code, EXIT.ok)
  assert.match(stdout, /aaaaaaaa0000 +300 MiB .*2 of 3 +debian-12/)
  assert.match(stdout, /└─ cccccccc0000 +40.0 MiB +400 MiB +90 % .*web-server/)
  assert.match(stdout, /340 MiB in place of 700 MiB \(saves 51 %\)/)
})

it('"layer publish" passes base and threshold on, waits, and says what came of it', async () => {
  const asked: LayeringRequest[] = []
  await using seed = await startStandInSeed({ layers, images, onLayers: (_, request) => void asked.push(request) })
  const command = ['layer', 'publish', 'web-server', '--base', 'debian-12', '--minimum-saving', '10', '--wait']
  const { stdout, code } = await runCli([...command, '--seed', seed.url], { env: { SHOAL_TOKEN: TOKEN } })
  assert.equal(code, EXIT.ok)
  assert.deepEqual(asked, [{ base: base.digest, minimumSaving: 0.1 }])
  assert.match(stdout, /web-server: published, base aaaaaaaa0000, .*saves 90 %/)
})

it('"layer publish" that failed exits with 6 and tells the error', async () => {
  const error = { code: 'SHOAL_LAYERING_DIFFERS', message: 'They differ.', hint: 'Look.', details: {} }
  const broken = { ...server, layering: buildLayering({ state: 'failed', error }) }
  await using seed = await startStandInSeed({ layers, images: [broken] })
  const command = ['layer', 'publish', 'web-server', '--wait', '--seed', seed.url]
  const { stderr, code } = await runCli(command, { env: { SHOAL_TOKEN: TOKEN } })
  assert.equal(code, EXIT.incomplete)
  assert.match(stderr, /They differ\./)
})

it('an image that has a chain is named by its middle wherever a layer is asked for', async () => {
  await using seed = await startStandInSeed({ layers, images })
  const { stdout } = await runCli(['layer', 'show', 'web-server', '--json', '--seed', seed.url], {
    env: { SHOAL_TOKEN: TOKEN },
  })
  assert.equal((JSON.parse(stdout) as { digest: string }).digest, middle.digest)
})
