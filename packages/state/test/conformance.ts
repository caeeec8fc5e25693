import assert from 'node:assert/strict'
import { afterEach, beforeEach, describe, test } from 'node:test'
import { type StateChange, type StateEntry, type StateStore, WATCH_LIMIT } from '@shoal/state'

/** What every state store must do. `open` gives a fresh, empty store; the suite closes it. */
export function stateConformance(name: string, open: () => Promise<StateStore>): void {
  describe(`${name} as a state store`, () => {
    let state: StateStore
    beforeEach(async () => {
      state = await open()
    })
    afterEach(async () => {
      await state.close()
    })

    test('a missing key is undefined', async () => {
      assert.equal(await state.get('absent'), undefined)
    })

    test('a value comes back as JSON holds it, each time a new copy', async () => {
      const value = { text: 'ü', list: [1, null, true], nested: { a: 0.5 } }
      await state.put('key', value)
      value.nested.a = 7
      const first = await state.get<typeof value>('key')
      assert.deepEqual(first?.value, { text: 'ü', list: [1, null, true], nested: { a: 0.5 } })
      if (first) first.value.list.push(9)
      assert.deepEqual((await state.get<typeof value>('key'))?.value.list, [1, null, true])
    })

    test('false, zero, the empty string and null are values', async () => {
      for (const value of [false, 0, '', null]) {
        await state.put('key', value)
        assert.deepEqual((await state.get('key'))?.value, value)
      }
    })

    test('malformed keys and values are a TypeError', async () => {
      for (const key of ['', 'with space', 'ünicode', 'x'.repeat(513), 'line\n']) {
        await assert.rejects(() => state.put(key, 1), TypeError)
        await assert.rejects(() => state.get(key), TypeError)
        await assert.rejects(() => state.batch([], { conditions: [{ key, revision: 0 }] }), TypeError)
      }
      for (const value of [undefined, () => 1]) await assert.rejects(() => state.put('key', value), TypeError)
    })

    test('the revision grows by one with each write and stays with the key', async () => {
      await state.put('a', 1)
      const start = (await state.get('a'))?.revision ?? 0
      assert.ok(start > 0)
      await state.batch([
        { type: 'put', key: 'b', value: 1 },
        { type: 'put', key: 'c', value: 1 },
      ])
      await state.delete('d')
      await state.put('e', 1)
      const revisions = await Promise.all(['a', 'b', 'c', 'e'].map(async (key) => (await state.get(key))?.revision))
      assert.deepEqual(revisions, [start, start + 1, start + 1, start + 3])
    })

    test('delete removes a key, and one that is not there is fine', async () => {
      await state.put('key', 1)
      await state.delete('key')
      await state.delete('key')
      assert.equal(await state.get('key'), undefined)
    })

    test('a batch is written whole, and the last operation on a key wins', async () => {
      await state.put('gone', 1)
      const isWritten = await state.batch(
        [
          { type: 'put', key: 'a', value: 1 },
          { type: 'put', key: 'a', value: 2 },
          { type: 'delete', key: 'gone' },
        ],
        { durable: false },
      )
      assert.equal(isWritten, true)
      assert.deepEqual(await contents(state, ''), [['a', 2]])
    })

    test('a batch whose condition does not hold writes nothing', async () => {
      await state.put('guard', 1)
      const revision = (await state.get('guard'))?.revision ?? 0
      const put = { type: 'put', key: 'a', value: 1 } as const
      for (const conditions of [
        [{ key: 'guard', revision: 0 }],
        [{ key: 'guard', revision: revision + 1 }],
        [{ key: 'absent', revision: 1 }],
        [
          { key: 'guard', revision },
          { key: 'absent', revision },
        ],
      ]) {
        assert.equal(await state.batch([put], { conditions }), false)
      }
      assert.equal(await state.get('a'), undefined)
      const conditions = [
        { key: 'guard', revision },
        { key: 'absent', revision: 0 },
      ]
      assert.equal(await state.batch([put], { conditions }), true)
      assert.equal((await state.get('a'))?.value, 1)
    })

    test('of concurrent batches under one condition exactly one is written', async () => {
      const results = await Promise.all(
        Array.from({ length: 20 }, (_, value) =>
          state.batch([{ type: 'put', key: 'lock', value }], { conditions: [{ key: 'lock', revision: 0 }] }),
        ),
      )
      assert.equal(results.filter(Boolean).length, 1)
      assert.equal((await state.get('lock'))?.value, results.indexOf(true))
    })

    test('concurrent writers that retry on conflict lose no increment', async () => {
      const increment = async () => {
        while (true) {
          const entry = await state.get<number>('n')
          const operations = [{ type: 'put', key: 'n', value: (entry?.value ?? 0) + 1 }] as const
          if (await state.batch(operations, { conditions: [{ key: 'n', revision: entry?.revision ?? 0 }] })) return
        }
      }
      await Promise.all(Array.from({ length: 10 }, increment))
      assert.equal((await state.get('n'))?.value, 10)
    })

    test('a range is ordered by key and keeps to prefix, after, limit and direction', async () => {
      const keys = ['a', 'b', 'b/', 'b/1', 'b/10', 'b/2', 'b/~', 'b0', 'B/1', 'c']
      await state.batch(keys.toReversed().map((key) => ({ type: 'put', key, value: key })))
      const list = async (options: Parameters<StateStore['range']>[0]) =>
        (await collect(state.range(options))).map(({ key }) => key)
      assert.deepEqual(await list({ prefix: '' }), [...keys].sort())
      assert.deepEqual(await list({ prefix: 'b/' }), ['b/', 'b/1', 'b/10', 'b/2', 'b/~'])
      assert.deepEqual(await list({ prefix: 'b/', after: 'b/1' }), ['b/10', 'b/2', 'b/~'])
      assert.deepEqual(await list({ prefix: 'b/', after: 'a', limit: 2 }), ['b/', 'b/1'])
      assert.deepEqual(await list({ prefix: 'b/', after: 'c' }), [])
      assert.deepEqual(await list({ prefix: 'b/', reverse: true, limit: 2 }), ['b/~', 'b/2'])
      assert.deepEqual(await list({ prefix: 'b/', reverse: true, after: 'b/10' }), ['b/1', 'b/'])
      assert.deepEqual(await list({ prefix: 'b/', reverse: true, after: 'z', limit: 1 }), ['b/~'])
      assert.deepEqual(await list({ prefix: 'x' }), [])
      assert.deepEqual(await list({ prefix: 'b/', limit: 0 }), [])
    })

    test('a range shows the store as it was when it began', async () => {
      await state.batch(['a', 'b', 'c'].map((key) => ({ type: 'put', key, value: 1 })))
      const seen: StateEntry<number>[] = []
      for await (const entry of state.range<number>({ prefix: '' })) {
        seen.push(entry)
        if (seen.length === 1) await state.batch(['b', 'd'].map((key) => ({ type: 'put', key, value: 2 })))
      }
      assert.deepEqual(
        seen.map(({ key, value }) => [key, value]),
        [
          ['a', 1],
          ['b', 1],
          ['c', 1],
        ],
      )
    })

    test('a watcher sees the changes of its prefix after the call, in order', async () => {
      await state.put('w/before', 1)
      const controller = new AbortController()
      const changes = state.watch('w/', { signal: controller.signal })
      await state.put('w/a', { n: 1 })
      await state.put('other', 1)
      await state.batch([
        { type: 'delete', key: 'w/a' },
        { type: 'put', key: 'w/b', value: 2 },
      ])
      const seen: StateChange[] = []
      for await (const change of changes) {
        seen.push(change)
        if (seen.length === 3) controller.abort()
      }
      const revision = seen[0]?.revision ?? 0
      assert.deepEqual(seen, [
        { key: 'w/a', value: { n: 1 }, revision },
        { key: 'w/a', value: undefined, revision: revision + 2 },
        { key: 'w/b', value: 2, revision: revision + 2 },
      ])
      assert.equal((await state.get('w/b'))?.revision, revision + 2)
    })

    test('a watcher that falls behind is told so', async () => {
      const changes = state.watch('', { signal: new AbortController().signal })
      const operations = Array.from({ length: WATCH_LIMIT + 1 }, () => ({ type: 'put', key: 'k', value: 1 }) as const)
      await state.batch(operations, { durable: false })
      await assert.rejects(() => collect(changes), { code: 'SHOAL_STATE_WATCH_LAGGED' })
    })

    test('a watch ends when its signal aborts and when the store closes', async () => {
      const aborted = collect(state.watch('', { signal: AbortSignal.abort() }))
      assert.deepEqual(await aborted, [])
      const closed = collect(state.watch('', { signal: new AbortController().signal }))
      await state.close()
      assert.deepEqual(await closed, [])
    })

    test('writes under way are finished by close, and everything after it is SHOAL_STATE_CLOSED', async () => {
      const writing = state.put('a', 1)
      await state.close()
      await state.close()
      await writing
      const closed = { code: 'SHOAL_STATE_CLOSED' }
      await assert.rejects(() => state.get('a'), closed)
      await assert.rejects(() => state.put('a', 1), closed)
      await assert.rejects(() => collect(state.range({ prefix: '' })), closed)
      assert.throws(() => state.watch('', { signal: new AbortController().signal }), closed)
    })
  })
}

async function contents(state: StateStore, prefix: string): Promise<[string, unknown][]> {
  return (await collect(state.range({ prefix }))).map(({ key, value }) => [key, value])
}

async function collect<T>(source: AsyncIterable<T>): Promise<T[]> {
  const items: T[] = []
  for await (const item of source) items.push(item)
  return items
}
