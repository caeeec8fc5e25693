import assert from 'node:assert/strict'
import { test } from 'node:test'
import type Wire from 'bittorrent-protocol'
import { PeerLink } from '../src/peer-link.ts'
import { SourceHealth } from '../src/source-health.ts'
import { SchedulerFixture } from './scheduler/scheduler-fixture.ts'

class HealthFixture extends SchedulerFixture {
  readonly health = new SourceHealth(this.scheduler)

  connect(host: string): PeerLink {
    const wire = { peerId: host, peerChoking: false, destroyed: false } as unknown as Wire
    const link = new PeerLink({ wire, host, dialled: undefined, now: this.now })
    link.source = this.add('near', undefined, host)
    this.health.recall(link)
    return link
  }

  /** Looks after a link every second, as its owner does; returns when it is to be dropped. */
  watch(link: PeerLink, seconds: number, eachSecond: () => void = () => {}): number | undefined {
    for (let second = 1; second <= seconds; second += 1) {
      this.now += 1000
      eachSecond()
      if (this.health.check(link, this.now)) return second
      if (link.source !== undefined) this.scheduler.setUsable(link.source, !link.isStalled)
      this.scheduler.fill()
    }
    return undefined
  }
}

test('a source that is asked for nothing may be silent', () => {
  const fixture = new HealthFixture({ pieceCount: 4, have: [0, 1, 2, 3] })
  const link = fixture.connect('idle')
  assert.equal(fixture.watch(link, 600), undefined)
  assert.equal(link.isStalled, false)
  assert.equal(link.source?.isDoubtful, false)
})

test('a source that sends nothing while asked is passed over within seconds, and dropped when it goes on', () => {
  const fixture = new HealthFixture()
  const link = fixture.connect('mute')
  fixture.scheduler.fill()
  assert.equal(fixture.watch(link, 6), undefined)
  assert.ok(link.isStalled && link.source?.isDoubtful)
  assert.equal(link.source?.asked.size, 0)
  assert.ok((fixture.watch(link, 120) ?? Number.POSITIVE_INFINITY) < 60)
})

test('a source that sends is not silent, and one that sent before is given longer', () => {
  const fixture = new HealthFixture({ pieceCount: 500 })
  const link = fixture.connect('steady')
  fixture.scheduler.fill()
  const deliver = () => {
    if (link.source !== undefined) link.source.lastDataAt = fixture.now
    fixture.deliver()
    fixture.health.onDelivered(link, fixture.now)
  }
  assert.equal(fixture.watch(link, 60, deliver), undefined)
  assert.equal(link.isStalled, false)
  const fresh = fixture.connect('fresh')
  fixture.scheduler.fill()
  fixture.watch(fresh, 3)
  fixture.health.check(link, fixture.now)
  assert.ok(fresh.isStalled && !link.isStalled)
})

test('a source that only trickles is asked on, and not counted on until it delivers in good time', () => {
  const fixture = new HealthFixture()
  const link = fixture.connect('trickle')
  fixture.scheduler.fill()
  const trickle = () => {
    if (link.source !== undefined) link.source.lastDataAt = fixture.now
  }
  assert.equal(fixture.watch(link, 60, trickle), undefined)
  assert.equal(link.isStalled, false)
  assert.equal(link.source?.isDoubtful, true)
  assert.equal(fixture.scheduler.needOfOrigin().count, 64)
  if (link.source !== undefined) fixture.scheduler.release(link.source)
  fixture.health.onDelivered(link, fixture.now)
  assert.equal(link.source?.isDoubtful, false)
})

test('a host that let us down is not counted on at its next connection either, until it delivers', () => {
  const fixture = new HealthFixture()
  const first = fixture.connect('host')
  fixture.scheduler.fill()
  fixture.watch(first, 6)
  if (first.source !== undefined) fixture.scheduler.removeSource(first.source)
  const second = fixture.connect('host')
  const stranger = fixture.connect('another')
  assert.equal(second.source?.isDoubtful, true)
  assert.equal(stranger.source?.isDoubtful, false)
  fixture.health.onDelivered(second, fixture.now)
  assert.equal(fixture.connect('host').source?.isDoubtful, false)
})

test('a source that refuses a few pieces is kept, and one that refuses many is dropped', () => {
  const fixture = new HealthFixture()
  const link = fixture.connect('refuses')
  link.refusals = 5
  assert.equal(fixture.health.check(link, fixture.now), false)
  link.refusals = 50
  assert.equal(fixture.health.check(link, fixture.now), true)
  assert.equal(link.source?.isDoubtful, true)
})

test('hosts that let us down are forgotten in the end, so that nobody fills our memory', () => {
  const fixture = new HealthFixture({ pieceCount: 1 })
  for (let host = 0; host < 3000; host += 1) {
    const link = fixture.connect(`host-${host}`)
    link.refusals = 50
    fixture.health.check(link, fixture.now)
    if (link.source !== undefined) fixture.scheduler.removeSource(link.source)
  }
  assert.equal(fixture.connect('host-0').source?.isDoubtful, false)
  assert.equal(fixture.connect('host-2999').source?.isDoubtful, true)
})
