import assert from 'node:assert/strict'
import { it } from 'node:test'
import { ManualClock, silentLogger } from '@shoal/core'
import { type AskingCaller, ImageRights } from '../../src/access/image-rights.ts'

const A = '00000000-0000-4000-8000-00000000000a'
const B = '00000000-0000-4000-8000-00000000000b'
const LAYER = `sha256:${'1'.repeat(64)}`

function open() {
  const clock = new ManualClock()
  const asked: string[] = []
  const granted = new Set([`${A} alice`, `${B} bob`])
  const admits = async (image: string, token: string) => {
    asked.push(`${image} ${token}`)
    if (token === 'broken') throw new Error('Glance is down')
    return granted.has(`${image} ${token}`)
  }
  const catalogue = { imagesOf: () => [{ image: { id: A } }] as never }
  const deps = { library: { admits }, catalogue, clock, logger: silentLogger }
  return { rights: new ImageRights(deps, { cacheMs: 10_000 }), clock, asked, granted }
}
const user = (token: string): AskingCaller => ({ actor: 'user:x@Default', cloudToken: token })

it("a user of the cloud may have what Glance gives for the user's own token, and learns of nothing else", async () => {
  const { rights } = open()
  await rights.checkImages(user('alice'), [A])
  await rights.checkLayer(user('alice'), LAYER)
  await assert.rejects(rights.checkImages(user('alice'), [A, B]), {
    code: 'SHOAL_IMAGE_UNKNOWN',
    details: { image: B },
  })
  await assert.rejects(rights.checkLayer(user('bob'), LAYER), { code: 'SHOAL_LAYER_UNKNOWN' })
  await assert.rejects(rights.checkImages(user('broken'), [A]), { code: 'SHOAL_ACCESS_GLANCE' })
  await assert.rejects(rights.checkImages({ actor: 'user:x', cloudToken: undefined }, [A]), {
    code: 'SHOAL_IMAGE_UNKNOWN',
  })
})

it('tokens of Shoal act for the cloud, whatever else they send', async () => {
  const { rights, asked } = open()
  await rights.checkImages({ actor: 'token:ci', cloudToken: 'nobody' }, [A, B])
  await rights.checkLayer({ actor: 'token:ci', cloudToken: undefined }, LAYER)
  assert.deepEqual(asked, [])
})

it('a right that Glance takes back ends when what it said is over; a refusal is asked anew', async () => {
  const { rights, clock, asked, granted } = open()
  await rights.checkImages(user('alice'), [A])
  granted.delete(`${A} alice`)
  await rights.checkImages(user('alice'), [A])
  assert.equal(asked.length, 1)
  await clock.advance(10_000)
  await assert.rejects(rights.checkImages(user('alice'), [A]), { code: 'SHOAL_IMAGE_UNKNOWN' })
  granted.add(`${A} alice`)
  await rights.checkImages(user('alice'), [A])
})

it('rules are for those who administer the cloud', () => {
  const { rights } = open()
  assert.throws(() => rights.checkRule({ ...user('alice'), role: 'operator' }), { code: 'SHOAL_ACCESS_RULE' })
  rights.checkRule({ ...user('alice'), role: 'admin' })
  rights.checkRule({ actor: 'token:ci', cloudToken: undefined, role: 'operator' })
})
