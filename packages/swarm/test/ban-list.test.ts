import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ManualClock } from '@shoal/core'
import { BanList } from '../src/ban-list.ts'

test('a ban ends when its time is over', () => {
  const clock = new ManualClock()
  const bans = new BanList(clock)
  bans.ban('192.0.2.1', { firstMs: 1000, lastMs: 1000 })
  assert.ok(bans.has('192.0.2.1'))
  clock.advance(1000)
  assert.ok(!bans.has('192.0.2.1'))
})

test('the oldest ban gives way when there are too many', () => {
  const bans = new BanList(new ManualClock())
  for (let host = 0; host <= 1000; host += 1) bans.ban(`host-${host}`, { firstMs: 1000, lastMs: 1000 })
  assert.ok(!bans.has('host-0'))
  assert.ok(bans.has('host-1') && bans.has('host-1000'))
})

test('a host that is banned again stays banned for longer, up to the limit', () => {
  const clock = new ManualClock()
  const bans = new BanList(clock)
  for (const durationMs of [1000, 2000, 3000, 3000]) {
    bans.ban('192.0.2.1', { firstMs: 1000, lastMs: 3000 })
    clock.advance(durationMs - 1)
    assert.ok(bans.has('192.0.2.1'))
    clock.advance(1)
    assert.ok(!bans.has('192.0.2.1'))
  }
})
