import assert from 'node:assert/strict'
import { after, describe, it } from 'node:test'
import { runTarget } from '../bench/fuzz/run-target.ts'
import { openTargets } from '../bench/fuzz/targets.ts'

/** The first of those that the bench runs by the million. */
const EXECUTIONS = 2048

describe('parsers that face a socket or a file stand what is sent to them', () => {
  const targets = openTargets()
  after(() => {
    for (const { close } of targets) close?.()
  })

  for (const target of targets) {
    it(target.name, async () => {
      for (const input of target.corpus) await target.execute(Buffer.from(input))
      const { findings, taken } = await runTarget(target, { first: 1, count: EXECUTIONS })
      assert.deepEqual(findings, [])
      // One that takes nothing is given nothing that it would look at closely.
      assert.ok(taken > 0 || target.isSigned === true, 'nothing of it is taken')
    })
  }
})
