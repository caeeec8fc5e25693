import assert from 'node:assert/strict'
import { test } from 'node:test'
import { NodeGroups } from '../../src/model/node-groups.ts'

test('nodes are together as long as no difference is found between them', () => {
  const groups = new NodeGroups([0, 1, 2, 3, 5], 6)
  assert.equal(groups.count, 1)
  groups.split([0, 1, 2, 3, 5], (node) => node % 2)
  assert.deepEqual(groups.all(), [
    [0, 2],
    [1, 3, 5],
  ])
  groups.split([2, 5], () => 0)
  assert.deepEqual(groups.all(), [[0], [1, 3], [2], [5]])
  assert.equal(groups.count, 4)
})

test('groups that are emptied do not count', () => {
  const groups = new NodeGroups([0, 1], 2)
  for (let round = 0; round < 10; round += 1) groups.split([0, 1], () => 0)
  assert.equal(groups.count, 1)
  assert.equal(new NodeGroups([], 0).count, 0)
})
