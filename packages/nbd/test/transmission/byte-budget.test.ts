import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { ByteBudget } from '../../src/transmission/byte-budget.ts'

describe('ByteBudget', () => {
  test('an account has its own bytes, whatever the others hold', () => {
    const budget = new ByteBudget({ sharedBytes: 100, ownBytes: 10 })
    const [greedy, other] = [budget.open(() => {}), budget.open(() => {})]
    assert.ok(greedy.tryTake(110))
    assert.equal(greedy.tryTake(1), false)
    assert.ok(other.tryTake(10))
    assert.equal(other.tryTake(1), false)
    assert.equal(budget.usedSharedBytes, 100)
  })

  test('what is more than all there is passes alone', () => {
    const budget = new ByteBudget({ sharedBytes: 100, ownBytes: 0 })
    const account = budget.open(() => {})
    assert.ok(account.tryTake(1000))
    assert.equal(budget.open(() => {}).tryTake(1), false)
    account.give(1000)
    assert.equal(budget.usedSharedBytes, 0)
  })

  test('those who wait are served in the order of their coming, and one who leaves lets the next pass', () => {
    const budget = new ByteBudget({ sharedBytes: 100, ownBytes: 0 })
    const served: string[] = []
    const waiter = (name: string, bytes: number) => {
      const account = budget.open(() => {
        if (account.tryTake(bytes)) served.push(name)
      })
      assert.equal(account.tryTake(bytes), false)
      return account
    }
    const holder = budget.open(() => {})
    assert.ok(holder.tryTake(100))
    const large = waiter('large', 80)
    waiter('small', 30)
    waiter('smaller', 10)
    holder.give(50)
    assert.deepEqual(served, [], 'the first one needs more')
    large.leave()
    assert.deepEqual(served, ['small', 'smaller'])
    assert.equal(budget.usedSharedBytes, 90)
  })

  test('takes and gives add up, and nobody waits for what is free', () => {
    const step = fc.record({ who: fc.nat(3), bytes: fc.integer({ min: 1, max: 60 }), isGive: fc.boolean() })
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const budget = new ByteBudget({ sharedBytes: 100, ownBytes: 20 })
        const users = Array.from({ length: 4 }, () => {
          const user = {
            held: [] as number[],
            wanted: undefined as number | undefined,
            account: budget.open(() => user.take()),
            take: () => {
              if (user.wanted === undefined || !user.account.tryTake(user.wanted)) return
              user.held.push(user.wanted)
              user.wanted = undefined
            },
          }
          return user
        })
        for (const { who, bytes, isGive } of steps) {
          const user = users[who]
          if (user === undefined) continue
          if (isGive) user.account.give(user.held.shift() ?? 0)
          else {
            user.wanted ??= bytes
            user.take()
          }
          const shared = users.map(({ account }) => Math.max(0, account.usedBytes - 20))
          assert.equal(
            budget.usedSharedBytes,
            shared.reduce((sum, each) => sum + each, 0),
          )
          assert.ok(budget.usedSharedBytes <= 100)
          for (const { account, held } of users) {
            assert.equal(
              account.usedBytes,
              held.reduce((sum, each) => sum + each, 0),
            )
          }
        }
        for (const user of users) user.account.give(user.held.splice(0).reduce((sum, each) => sum + each, 0))
        assert.ok(
          users.every(({ wanted }) => wanted === undefined),
          'all who waited were served',
        )
      }),
    )
  })
})
