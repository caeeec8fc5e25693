import assert from 'node:assert/strict'
import { it } from 'node:test'
import type { Composition } from '@shoal/api'
import { EXIT } from '../src/exit-code.ts'
import { digestOf } from './builders.ts'
import { runCli } from './run-cli.ts'
import { PEER_TOKEN, startStandInPeer } from './stand-in-peer.ts'

const MIB = 1024 ** 2
const at = { startedAt: '2026-01-01T00:00:00.000Z', finishedAt: '2026-01-01T00:00:02.000Z' }

function done(composition: Composition): Composition {
  const { totalBytes } = composition
  return { ...composition, ...at, state: 'done', doneBytes: totalBytes, writtenBytes: 4 * MIB }
}

/** Composes by the command line; the seed is nowhere, as while it is down. */
function composer(url: string) {
  return (...args: string[]) =>
    runCli(['layer', 'compose', ...args, '--peer', url, '--token', PEER_TOKEN, '--seed', 'http://127.0.0.1:9'])
}

it('asks a peer for a disk, by a prefix that the peer knows while the seed is away', async () => {
  await using peer = await startStandInPeer()
  const compose = composer(peer.url)
  const { code, stdout } = await compose('bbbbbbbb', '--name', 'disk')
  assert.equal(code, EXIT.ok)
  assert.equal(stdout, 'disk: queued\n')
  const asked = await compose('bbbbbbbb', '--name', 'vm', '--format', 'qcow2', '--compression', 'zstd', '--json')
  assert.equal(JSON.parse(asked.stdout).state, 'queued')
  await compose(digestOf('ff'), '--name', 'vm2', '--format', 'chain', '--overlay', '/disks/vm2.qcow2')
  assert.deepEqual(peer.requests, [
    { layer: digestOf('bbbbbbbb'), format: 'raw' },
    { layer: digestOf('bbbbbbbb'), format: 'qcow2', compression: 'zstd' },
    { layer: digestOf('ff'), format: 'chain', overlay: '/disks/vm2.qcow2' },
  ])
})

it('follows a disk to its end, and says where it is', async () => {
  let asked = 0
  const half = { state: 'composing', doneBytes: 5 * MIB } as const
  await using peer = await startStandInPeer({
    next: (composition) => {
      asked += 1
      return asked === 1 ? { ...composition, ...half } : done(composition)
    },
  })
  const { code, stdout } = await composer(peer.url)('aaaaaaaa', '--name', 'disk', '--wait')
  assert.equal(code, EXIT.ok)
  assert.deepEqual(stdout.split('\n'), [
    'compose disk: 50 % of 10.0 MiB',
    'compose disk: 100 % of 10.0 MiB, done',
    'disk: done, 4.00 MiB written in 2.0 s: /disks/disk',
    '',
  ])
})

it('says of a chain where its overlay and its description are', async () => {
  const paths = { path: '/disks/vm.json', overlay: '/disks/vm.qcow2' }
  await using peer = await startStandInPeer({ next: (composition) => ({ ...done(composition), ...paths }) })
  const { stdout } = await composer(peer.url)('aaaaaaaa', '--name', 'vm', '--format', 'chain', '--wait')
  assert.match(
    stdout,
    /vm: done, overlay \/disks\/vm\.qcow2; how to open it above the layers is in \/disks\/vm\.json\n$/,
  )
})

it('exits 6 with the error of a disk that failed, and 6 for one that was cancelled', async () => {
  const error = { code: 'SHOAL_COMPOSE_NO_SPACE', message: 'Full.', hint: 'Make room.', details: {} }
  await using failing = await startStandInPeer({
    next: (composition) => ({ ...composition, ...at, state: 'failed', error }),
  })
  const failed = await composer(failing.url)('aaaaaaaa', '--name', 'disk', '--wait')
  assert.equal(failed.code, EXIT.incomplete)
  assert.match(failed.stderr, /^error: Full\.\nhint: Make room\.\ncode: SHOAL_COMPOSE_NO_SPACE\n$/)
  await using cancelling = await startStandInPeer({
    next: (composition) => ({ ...composition, ...at, state: 'cancelled' }),
  })
  const cancelled = await composer(cancelling.url)('aaaaaaaa', '--name', 'disk', '--wait')
  assert.equal(cancelled.code, EXIT.incomplete)
  assert.match(cancelled.stdout, /disk: cancelled\n$/)
})

it('lists, cancels and removes', async () => {
  let next = (composition: Composition) => composition
  await using peer = await startStandInPeer({ next: (composition) => next(composition) })
  const compose = composer(peer.url)
  assert.match((await compose('--list')).stdout, /Nothing is composed there/)
  await compose('aaaaaaaa', '--name', 'one')
  await compose('aaaaaaaa', '--name', 'two')
  const { stdout } = await compose('--list')
  assert.match(
    stdout,
    /^NAME +LAYER +FORMAT +SIZE +STATE +PATH\none +aaaaaaaa0000 +raw +10\.0 MiB +queued +\/disks\/disk\n/,
  )
  assert.equal(JSON.parse((await compose('--list', '--json')).stdout).compositions.length, 2)
  assert.equal((await compose('--name', 'one', '--remove')).stdout, 'one: cancelled\n')
  next = done
  assert.equal((await compose('--name', 'two', '--remove')).stdout, 'two: removed\n')
  const gone = await compose('--name', 'two', '--remove')
  assert.equal(gone.code, EXIT.notFound)
  assert.match(gone.stderr, /SHOAL_COMPOSE_UNKNOWN/)
  assert.equal(peer.compositions.size, 0)
})

it('refuses what does not say what to do', async () => {
  await using peer = await startStandInPeer()
  const compose = composer(peer.url)
  for (const args of [
    ['aaaaaaaa'],
    ['--name', 'disk'],
    ['aaaaaaaa', '--name', 'disk', '--format', 'vmdk'],
    ['aaaaaaaa', '--name', 'disk', '--remove', '--wait'],
    ['--list', '--wait'],
    ['aaaaaaaa', '--name', '../disk'],
  ]) {
    const { code, stderr } = await compose(...args)
    assert.equal(code, EXIT.usage, `${args.join(' ')}: ${stderr}`)
  }
  assert.equal((await runCli(['layer', 'compose', 'aaaaaaaa', '--name', 'disk'])).code, EXIT.usage)
  assert.deepEqual(peer.requests, [])
})
