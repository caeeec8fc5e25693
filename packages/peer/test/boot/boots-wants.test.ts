import { deepEqual, equal, rejects } from 'node:assert/strict'
import { test } from 'node:test'
import { ManualClock, silentLogger } from '@shoal/core'
import { createMemoryState, type StateStore } from '@shoal/state'
import { BootWants } from '../../src/boot/boots-wants.ts'
import { ProfileHits } from '../../src/boot/profile-hits.ts'
import type { SeedApi } from '../../src/seed-link.ts'
import { fakeSeed } from '../fake-seed.ts'
import { eventually } from '../peer-fixture.ts'
import { chainOf, seedError } from './booting-node.ts'

const { signal } = new AbortController()

/** Wants of a node whose seed answers, or does not. */
async function start({ state = createMemoryState(), booted = [] }: { state?: StateStore; booted?: string[] } = {}) {
  const clock = new ManualClock(1_700_000_000_000)
  const told: string[] = []
  const wanted = new Set(booted)
  const hits = new ProfileHits()
  const queries: unknown[] = []
  const seed = { isAway: false, gate: Promise.resolve() }
  const answer = async (said: string) => {
    await seed.gate
    told.push(seed.isAway ? `(${said})` : said)
    if (seed.isAway) throw seedError('SHOAL_API_UNREACHABLE')
  }
  const api: Partial<SeedApi> = {
    wantBoot: async ({ params: { node, image }, query }) => {
      queries.push(query)
      await answer(`want ${node} ${image}`)
      return chainOf(image, [])
    },
    endBoot: ({ params: { node, image } }) => answer(`end ${node} ${image}`).then(() => undefined),
  }
  const wants = new BootWants(
    { state, seed: fakeSeed(api), wanted: () => wanted, hits, clock, random: () => 0.5, logger: silentLogger },
    { node: 'n1' },
  )
  await wants.open()
  const stop = new AbortController()
  const running = wants.run(stop).catch(() => {})
  const reached = (count: number) =>
    eventually(() => told.length >= count || undefined, { what: `${count} are told: ${told.join(', ')}` })
  const end = async () => {
    stop.abort()
    await running
  }
  return { hits, queries, clock, state, told, wanted, seed, wants, reached, [Symbol.asyncDispose]: end }
}

test('an image that is booted no more is taken back once, also when it was never answered for', async () => {
  await using node = await start()
  node.wanted.add('web')
  node.seed.isAway = true
  await rejects(node.wants.ask('web', { signal }), { code: 'SHOAL_API_UNREACHABLE' })
  node.seed.isAway = false
  node.wanted.delete('web')
  node.wants.notice()
  await node.reached(2)
  node.wants.notice()
  await node.wants.ask('other', { signal })
  deepEqual(node.told, ['(want n1 web)', 'end n1 web', 'want n1 other'])
})

test('what could not be taken back is tried again, and told after a restart', async () => {
  const state = createMemoryState()
  {
    await using node = await start({ state })
    node.wanted.add('web')
    await node.wants.ask('web', { signal })
    node.seed.isAway = true
    node.wanted.delete('web')
    node.wants.notice()
    await node.reached(2)
    await new Promise(setImmediate)
    node.clock.advance(30_000)
    await node.reached(3)
    deepEqual(node.told, ['want n1 web', '(end n1 web)', '(end n1 web)'])
  }
  await using again = await start({ state })
  await again.reached(1)
  deepEqual(again.told, ['end n1 web'])
  deepEqual(again.wants.known('web'), chainOf('web', []))
})

test('the seed is told anew at the start and now and then, in case that it has forgotten', async () => {
  await using node = await start({ booted: ['web'] })
  await node.reached(1)
  await new Promise(setImmediate)
  // The machine's clock may be set meanwhile.
  node.clock.set(0)
  node.clock.advance(11 * 60_000)
  await node.reached(2)
  deepEqual(node.told, ['want n1 web', 'want n1 web'])
})

test('an end that is on its way is overtaken by nothing, and not sent when the image is wanted again', async () => {
  await using node = await start()
  node.wanted.add('web')
  await node.wants.ask('web', { signal })
  const held = Promise.withResolvers<void>()
  node.seed.gate = held.promise
  node.wanted.delete('web')
  node.wants.notice()
  await new Promise(setImmediate)
  node.wanted.add('web')
  const asked = node.wants.ask('web', { signal })
  held.resolve()
  await asked
  // Whatever of the end was sent came before.
  equal(node.told.at(-1), 'want n1 web')
})

test('the seed hears once how much of a boot the profile had named, and whether the next one would be recorded', async () => {
  await using node = await start()
  node.hits.add('web', { foretold: 10, others: 30 })
  await node.wants.ask('web', { signal, records: true })
  await node.wants.ask('web', { signal, records: true })
  // Who only asks again must not get the invitation, nor take it from others.
  await node.wants.ask('web', { signal })
  deepEqual(node.queries, [{ records: true, foretold: 0.25 }, { records: false }])
})
