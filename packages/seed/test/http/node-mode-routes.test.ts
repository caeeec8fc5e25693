import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { it } from 'node:test'
import { createClient, type NodeRegistration } from '@shoal/api'
import { createFixture, MIB, rawImage } from '../seed-fixture.ts'

function registration(host: string): NodeRegistration {
  const rest = { zone: 'z1', rack: 'r1', dhtAddress: null, apiUrl: null, capacityBytes: 1, version: '1' }
  return { ...rest, swarmAddress: `${host}:9`, swarmPeerId: Buffer.from(host.padEnd(20, '.')).toString('hex') }
}

it('a mode is set by operators alone, told in desired state and events, and holds after a restart', async (t) => {
  const fixture = await createFixture(t)
  const seed = await fixture.start()
  const node = createClient({ baseUrl: seed.url, token: seed.nodeToken })
  for (const [index, name] of ['n1', 'n2'].entries()) {
    await node.registerNode({ params: { node: name }, body: registration(`127.0.77.${index + 1}`) })
  }
  const viewerToken = (await readFile(join(fixture.stateDirectory, 'viewer.token'), 'utf8')).trim()
  const quarantine = { params: { node: 'n1' }, body: { mode: 'quarantined', reason: 'bad memory?' } } as const
  for (const token of [viewerToken, seed.nodeToken]) {
    const reader = createClient({ baseUrl: seed.url, token })
    await assert.rejects(reader.setNodeMode(quarantine), { code: 'SHOAL_HTTP_FORBIDDEN' })
  }
  const tooLong = { params: { node: 'n1' }, body: { mode: 'draining', reason: 'x'.repeat(501) } } as const
  await assert.rejects(fixture.client.setNodeMode(tooLong), { code: 'SHOAL_HTTP_INVALID' })
  const set = await fixture.client.setNodeMode(quarantine)
  assert.partialDeepStrictEqual(set, { mode: 'quarantined', reason: 'bad memory?', isDrained: false })
  const event = await fixture.event('node.mode-changed')
  assert.equal(event.actor, set.by)
  assert.partialDeepStrictEqual(event.details, { mode: 'quarantined', before: 'active', reason: 'bad memory?' })

  const told = async () => {
    const [own, other] = await Promise.all(['n1', 'n2'].map((name) => node.desiredState({ params: { node: name } })))
    return { mode: own?.mode?.mode, refusedBySelf: own?.refused, refused: other?.refused, others: other?.mode }
  }
  const expected = {
    ...{ mode: 'quarantined', refusedBySelf: undefined, others: undefined },
    refused: [{ node: 'n1', host: '127.0.77.1' }],
  }
  assert.deepEqual(await told(), expected)
  await fixture.stop()
  const again = await fixture.start()
  const back = createClient({ baseUrl: again.url, token: again.nodeToken })
  const desired = await back.desiredState({ params: { node: 'n2' } })
  assert.deepEqual(desired.refused, expected.refused)
  assert.equal((await fixture.client.showNode({ params: { node: 'n1' } })).mode.mode, 'quarantined')
  assert.deepEqual((await fixture.client.status()).modes, { active: 1, draining: 0, quarantined: 1 })

  await fixture.client.removeNode({ params: { node: 'n1' } })
  const after = await back.desiredState({ params: { node: 'n2' } })
  assert.deepEqual([after.refused, after.revision > desired.revision], [undefined, true])
})

for (const [quarantine, mode] of [
  ['false', 'active'],
  ['true', 'quarantined'],
] as const) {
  it(`a node that three others got bad blocks from is ${mode} with nodes.suspects.quarantine=${quarantine}`, async (t) => {
    const fixture = await createFixture(t, { 'nodes.suspects.quarantine': quarantine })
    const seed = await fixture.start()
    const node = createClient({ baseUrl: seed.url, token: seed.nodeToken })
    for (let n = 1; n <= 4; n += 1) {
      await node.registerNode({ params: { node: `n${n}` }, body: registration(`127.0.79.${n}`) })
    }
    const idle = { diskFreeBytes: 1, diskUsedBytes: 1, downBytesPerSecond: 0, upBytesPerSecond: 0, load1: 0 }
    const details = { address: '127.0.79.1:54321', node: 'n1', block: 3 }
    const at = new Date().toISOString()
    const events = [{ at, type: 'peer.banned', message: 'Banned 127.0.79.1:54321 (n1).', details }]
    for (let n = 2; n <= 4; n += 1) {
      const body = { inventory: { layers: [], ...idle }, events }
      await node.heartbeat({ params: { node: `n${n}` }, body })
    }
    const { nodes } = await fixture.client.listNodes()
    const [{ mode: set } = { mode: undefined }] = nodes
    assert.deepEqual([set?.mode, set?.by], [mode, mode === 'active' ? null : 'seed'])
    const codes = (await fixture.client.overview()).health.reasons.map(({ code }) => code)
    assert.ok(codes.includes(mode === 'active' ? 'node-suspect' : 'nodes-quarantined'), codes.join(', '))
  })
}

it('an operator cannot assign a layer to a node that is not active', async (t) => {
  const fixture = await createFixture(t)
  const seed = await fixture.start()
  const node = createClient({ baseUrl: seed.url, token: seed.nodeToken })
  for (const [index, name] of ['n1', 'n2'].entries()) {
    await node.registerNode({ params: { node: name }, body: registration(`127.0.78.${index + 1}`) })
  }
  const image = await fixture.import(await fixture.addImage('one', rawImage(MIB)))
  await fixture.client.setNodeMode({ params: { node: 'n1' }, body: { mode: 'draining' } })
  const layer = image.layer ?? ''
  assert.deepEqual(await fixture.client.assign({ body: { layer, all: true } }), {
    ...{ assigned: ['n2'], unknown: [], inactive: ['n1'] },
  })
  assert.deepEqual((await node.desiredState({ params: { node: 'n1' } })).assignments, [])
})
