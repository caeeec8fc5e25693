import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ManualClock } from '@shoal/core'
import { BanList } from '../src/ban-list.ts'

test('a ban ends when its time is over', () => {
  const clock = new ManualClock()
  const bans = new BanList(clock)
  bans.ban('192.0.2.1', 1000)
  assert.ok(bans.has('192.0.2.1'))
  clock.advance(1000)
  assert.ok(!bans.has('192.0.2.1'))
})

test('the oldest ban gives way when there are too many', () => {
  const bans = new BanList(new ManualClock())
  for (let host = 0; host <= 1000; host += 1) bans.ban(`host-${host}`, 1000)
  assert.ok(!bans.has('host-0'))
  assert.ok(bans.has('host-1') && bans.has('host-1000'))
})
