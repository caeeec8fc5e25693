import assert from 'node:assert/strict'
import { it } from 'node:test'
import { layerDigest } from '../nodes/known-layers.ts'
import { LAYER_BYTES, openFleet, type SimulatedFleet } from './simulated-fleet.ts'

const [OWN, BASE, MIDDLE] = [layerDigest(1), layerDigest(2), layerDigest(3)]

/** An image with the library's own bytes in one layer, of ten times the size, that is booted from two others. */
async function addSplit(fleet: SimulatedFleet): Promise<void> {
  await fleet.addImage('image', [2, 3])
  await fleet.addImage('image', [1], { sizeBytes: 10 * LAYER_BYTES })
  const record = fleet.parts.catalogue.image('image')
  assert.ok(record)
  await fleet.store.batch([fleet.parts.catalogue.putImage({ ...record, chain: [BASE, MIDDLE] })])
}

it("brings the library's own bytes in place of what boots use, and foretells that", async (t) => {
  const fleet = await openFleet(t)
  await fleet.addNodes(['n1'])
  await addSplit(fleet)
  const boot = await fleet.start({ images: [{ image: 'image', all: true }] })
  const file = await fleet.start({ images: [{ image: 'image', form: 'file', all: true }] })
  assert.deepEqual(fleet.claims(boot), { n1: [BASE, MIDDLE] })
  assert.deepEqual(fleet.claims(file), { n1: [OWN] })
  assert.equal(fleet.show(boot).prediction.bytes.seedToNode, 2 * LAYER_BYTES)
  assert.equal(fleet.show(file).prediction.bytes.seedToNode, 10 * LAYER_BYTES)
  await fleet.pass(1, { bytesPerSecond: 12 * LAYER_BYTES })
  assert.deepEqual([fleet.state(boot), fleet.state(file)], ['done', 'done'])
  assert.equal(fleet.show(file).progress.presentBytes, 10 * LAYER_BYTES)
})

it('has an image imported for its file, and gives it out before its layers for boots are made', async (t) => {
  const fleet = await openFleet(t)
  await fleet.addNodes(['n1'])
  await fleet.addImage('image', [])
  const plan = await fleet.start({ images: [{ image: 'image', form: 'file', all: true }] })
  assert.deepEqual(fleet.requested, ['image'])
  assert.equal(fleet.show(plan).prediction.bytes.libraryToSeed, LAYER_BYTES)
  await fleet.addImage('image', [1])
  await fleet.runs.tick()
  assert.deepEqual(fleet.claims(plan), { n1: [OWN] })
})

it('a plan whose image gets another form takes back the one and brings the other', async (t) => {
  const fleet = await openFleet(t)
  await fleet.addNodes(['n1'])
  await addSplit(fleet)
  const plan = await fleet.start({ images: [{ image: 'image', form: 'file', all: true }] })
  await fleet.plans.change(plan, { images: [{ image: 'image', all: true }] })
  assert.deepEqual(fleet.claims(plan), { n1: [BASE, MIDDLE] })
  await fleet.plans.change(plan, { images: [{ image: 'image', form: 'file', all: true }] })
  assert.deepEqual(fleet.claims(plan), { n1: [OWN] })
})

it('a middle has no file: that is said at once when it is known, and when it is imported otherwise', async (t) => {
  const fleet = await openFleet(t)
  await fleet.addNodes(['n1'])
  await fleet.addImage('middle', [2, 3])
  const asked = (image: string) => fleet.start({ images: [{ image, form: 'file', all: true }] })
  await assert.rejects(asked('middle'), { code: 'SHOAL_PLAN_NO_FILE' })
  assert.deepEqual(fleet.reader.list(), [])
  await fleet.addImage('late', [])
  const plan = await asked('late')
  await fleet.addImage('late', [2, 3])
  await fleet.runs.tick()
  assert.equal(fleet.state(plan), 'failed')
  assert.equal(fleet.show(plan).error?.code, 'SHOAL_PLAN_NO_FILE')
})
