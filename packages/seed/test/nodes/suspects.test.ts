import assert from 'node:assert/strict'
import { it } from 'node:test'
import type { NodeEvent, NodeMode } from '@shoal/api'
import { ManualClock } from '@shoal/core'
import { Suspects } from '../../src/nodes/suspects.ts'

const WINDOW_MS = 60_000

/** A fleet of n1, n2..., whose addresses are 10.0.0.1, 10.0.0.2... */
function open({ nodes = 10, quarantine = false } = {}) {
  const clock = new ManualClock(10 * WINDOW_MS)
  const known = new Map<string, { mode: NodeMode; since: string | null }>()
  for (let n = 1; n <= nodes; n += 1) known.set(`n${n}`, { mode: 'active', since: null })
  const modeOf = (node: string) => ({ ...{ reason: '', by: null, isDrained: false }, ...known.get(node) }) as never
  const set = (node: string, mode: NodeMode) => {
    known.set(node, { mode, since: new Date(clock.now()).toISOString() })
    return modeOf(node)
  }
  const suspects = new Suspects(
    {
      registry: {
        nodeAt: (address) => [...known.keys()].find((node) => address.startsWith(`10.0.0.${node.slice(1)}:`)),
        has: (node) => known.has(node),
        mode: modeOf,
        modeCounts: () => {
          const counts = { active: 0, draining: 0, quarantined: 0 }
          for (const { mode } of known.values()) counts[mode] += 1
          return counts
        },
      },
      modes: { set: async (node, { mode }) => set(node, mode) },
      clock,
    },
    { reporters: 3, windowMs: WINDOW_MS, quarantine },
  )
  const accuse = async (accused: number, ...reporters: number[]) => {
    for (const reporter of reporters) await suspects.note(`n${reporter}`, [ban(accused)])
  }
  return { suspects, clock, known, set, accuse }
}

function ban(accused: number): NodeEvent {
  const details = { address: `10.0.0.${accused}:50123`, node: 'says-what-it-likes', block: 1 }
  return { at: '2026-01-01T00:00:00Z', type: 'peer.banned', message: 'Banned.', details }
}

it('a node is suspect when enough others got bad blocks from it, each counted once', async () => {
  const { suspects, accuse } = open()
  await accuse(1, 2, 2, 2, 3, 1)
  assert.deepEqual(suspects.list(), [], 'two others, and itself')
  await accuse(1, 4)
  assert.deepEqual(suspects.list(), [{ node: 'n1', reporters: 3 }])
  await accuse(99, 2, 3, 4)
  assert.equal(suspects.list().length, 1, 'no node of ours is there')
})

it('what was said is forgotten in time, and what came before an operator let the node take part again', async () => {
  const { suspects, accuse, clock, set } = open()
  await accuse(1, 2, 3)
  clock.advance(WINDOW_MS)
  await accuse(1, 4, 5, 6)
  assert.deepEqual(suspects.list(), [{ node: 'n1', reporters: 3 }])
  set('n1', 'quarantined')
  assert.deepEqual(suspects.list(), [], 'it is put away')
  clock.advance(1000)
  set('n1', 'active')
  assert.deepEqual(suspects.list(), [])
  clock.advance(1)
  await accuse(1, 7, 8, 9)
  assert.deepEqual(suspects.list(), [{ node: 'n1', reporters: 3 }])
  suspects.forget('n1')
  assert.deepEqual(suspects.list(), [])
})

it('it is put into quarantine only where that is configured, and one in twenty nodes at most', async () => {
  const told = open()
  await told.accuse(1, 2, 3, 4)
  assert.equal(told.known.get('n1')?.mode, 'active')
  const { accuse, known } = open({ nodes: 40, quarantine: true })
  for (const accused of [1, 2, 3]) await accuse(accused, 11, 12, 13)
  assert.deepEqual(
    ['n1', 'n2', 'n3'].map((node) => known.get(node)?.mode),
    ['quarantined', 'quarantined', 'active'],
  )
})

it('a name that certificates prove counts from any address; one that is no node of ours, and one that is only said, do not', async () => {
  const { suspects } = open()
  const tell = async (details: NodeEvent['details'], reporters = ['n2', 'n3', 'n4']) => {
    for (const reporter of reporters) {
      await suspects.note(reporter, [{ at: '2026-01-01T00:00:00Z', type: 'peer.banned', message: 'Banned.', details }])
    }
  }
  await tell({ address: '192.0.2.7:50123', node: 'n1', block: 1 })
  await tell({ address: '10.0.0.5:50123', node: 'n99', proven: true, block: 1 })
  assert.deepEqual(suspects.list(), [])
  await tell({ address: '192.0.2.7:50123', node: 'n1', proven: true, block: 1 })
  await tell({ address: '10.0.0.5:50123', node: 'n6', proven: true, block: 1 })
  const reporters = 3
  assert.deepEqual(suspects.list(), [
    { node: 'n1', reporters },
    { node: 'n6', reporters },
  ])
})
