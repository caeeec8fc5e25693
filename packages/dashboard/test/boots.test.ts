import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { BootRow } from '@shoal/api'
import { isInBootFilter } from '../src/boots/boot-filters.ts'
import { bootPath } from '../src/boots/boot-path.ts'
import { bootSteps } from '../src/boots/boot-steps.ts'
import { bootSums } from '../src/boots/boot-sums.ts'

const at = (seconds: number | null) => (seconds === null ? null : new Date(seconds * 1000).toISOString())

function boot(
  name: string,
  [open, firstRead, booted]: readonly (number | null)[],
  change: Partial<BootRow> = {},
): BootRow {
  const reads = { reads: 1, readBytes: 1, waitingReads: 0, onDemandBytes: 10, stalls: 0, longestWaitMs: 100 }
  return {
    ...{ id: `n/${name}`, node: 'n', name, image: null, state: 'ready', problem: null, presentBytes: 100 },
    ...{ totalBytes: 200, preparedAt: at(0) ?? '', reads: { ...reads, firstReadAt: at(firstRead ?? null) } },
    spans: {
      ...{ openAt: at(open ?? null), firstReadAt: at(firstRead ?? null), bootedAt: at(booted ?? null) },
      bootedBy: booted === null ? null : 'quiet',
    },
    ...change,
  }
}

test('the steps of a boot follow each other, the last of them under way', () => {
  const told = (row: BootRow) => bootSteps(row).map(({ name, fromSeconds, seconds }) => [name, fromSeconds, seconds])
  assert.deepEqual(told(boot('a', [1, 3, 20])), [
    ['Disk opened', 0, 1],
    ['First read', 1, 2],
    ['Booted', 3, 17],
  ])
  assert.deepEqual(told(boot('b', [1, null, null])), [
    ['Disk opened', 0, 1],
    ['First read', 1, null],
  ])
  assert.deepEqual(told(boot('c', [null, null, null])), [['Disk opened', 0, null]])
})

test('times of many boots are told by the one in the middle and by the slowest, with its name', () => {
  const rows = [boot('a', [1, 2, 30]), boot('b', [1, 4, 10]), boot('c', [1, 3, null]), boot('d', [null, null, 20])]
  const { booted, firstRead, onDemandBytes, presentBytes, serving } = bootSums(rows)
  assert.deepEqual([booted.count, booted.median, booted.most?.seconds, booted.most?.boot.name], [3, 20, 30, 'a'])
  assert.deepEqual([firstRead.count, firstRead.median, firstRead.most?.boot.name], [3, 3, 'b'])
  assert.deepEqual([onDemandBytes, presentBytes, serving], [40, 400, 4])
  assert.deepEqual([bootSums([]).booted.median, bootSums([]).longestWait.most], [null, null])
})

test('a node of an earlier version tells no steps, and its boot is still one', () => {
  const { spans: _, ...old } = boot('old', [1, 2, 3])
  assert.deepEqual(bootSums([old]).firstRead.median, 2)
  assert.deepEqual(
    ['booting', 'booted', ''].map((filter) => isInBootFilter(old, filter)),
    [true, false, true],
  )
})

test('disks are found by how they are, and their page by node and name', () => {
  const stalled = boot('s', [1, 2, null])
  const rows = [boot('a', [1, 2, 3]), { ...stalled, reads: { ...stalled.reads, stalls: 2 } }]
  rows.push(boot('f', [null, null, null], { state: 'failed' }))
  const found = (filter: string) => rows.filter((row) => isInBootFilter(row, filter)).map(({ name }) => name)
  assert.deepEqual([found('booted'), found('stalled'), found('booting'), found('failed')], [['a'], ['s'], ['s'], ['f']])
  assert.equal(bootPath({ node: 'n1', name: 'a/b c' }), '/boots/n1/a%2Fb%20c')
})
