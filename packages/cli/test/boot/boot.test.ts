import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { it } from 'node:test'
import type { Boot } from '@shoal/api'
import { EXIT } from '../../src/exit-code.ts'
import { digestOf } from '../builders.ts'
import { buildBoot, startBootPeer } from './stand-in-boots.ts'

const IMAGE = '6f0c2c1e-0000-4000-8000-000000000001'
const ready = (boot: Boot): Boot => ({ ...boot, state: 'ready', error: null })
const error = { code: 'SHOAL_BOOT_IMPORTING', message: 'It is being imported.', hint: 'Wait.', details: {} }

it('prepares a boot of an image by its id, with the seed away, and prints how to open it', async () => {
  await using peer = await startBootPeer({ next: ready })
  const { code, stdout } = await peer.boot('prepare', IMAGE, '--name', 'vm1')
  assert.equal(code, EXIT.ok)
  assert.deepEqual(stdout.split('\n'), [
    'boot      vm1',
    'state     ready',
    `image     ${IMAGE}`,
    'layers    aaaaaaaa0000 <- bbbbbbbb0000',
    'disk      1.00 GiB',
    'here      10 % of 300 MiB',
    'overlay   /overlays/vm1.qcow2',
    'export    nbd+unix:///vm1?socket=/run/shoal/nbd.sock',
    'read      25.0 MiB in 100 reads; 7 reads waited, 1200 ms at most, for 2.00 MiB; 1 stalls',
    'went      open after 500 ms, first read after 1.0 s, booted after 21.0 s, by its reads',
    'recorded  no',
    'prepared  2026-01-01T00:00:00.000Z',
    '',
    'QEMU:',
    "-blockdev '{}' \\",
    '-device virtio-blk-pci',
    '',
    'libvirt:',
    '<disk>',
    '</disk>',
    '',
  ])
})

it('asks for what the options say', async () => {
  await using peer = await startBootPeer({ next: ready })
  await peer.boot('prepare', IMAGE, '--name', 'a', '--read-only', '--record')
  await peer.boot('prepare', '--layer', 'bbbbbbbb', '--name', 'b', '--overlay', '/disks/b.qcow2', '--no-record')
  const { stdout } = await peer.boot('prepare', IMAGE, '--json')
  assert.deepEqual(peer.requests, [
    { image: IMAGE, overlay: null, record: true },
    { layer: digestOf('bbbbbbbb'), overlay: '/disks/b.qcow2', record: false },
    { image: IMAGE },
  ])
  const made: Boot = JSON.parse(stdout)
  assert.match(made.name, /^boot-[0-9a-f]{8}$/)
  assert.deepEqual(made.blockdev, [{ driver: 'nbd' }])
})

it('waits until the disk can be opened, and says what it waits for, unless it is told not to', async () => {
  let looks = 0
  await using peer = await startBootPeer({
    next: (boot) => {
      looks += 1
      return looks < 3 ? { ...boot, error } : ready(boot)
    },
  })
  const waited = await peer.boot('prepare', IMAGE, '--name', 'vm1')
  assert.equal(waited.code, EXIT.ok)
  assert.match(waited.stdout, /^vm1: preparing: It is being imported\.\nboot +vm1\nstate +ready\n/)
  looks = 0
  const { code, stdout } = await peer.boot('prepare', IMAGE, '--name', 'vm2', '--no-wait')
  assert.equal(code, EXIT.ok)
  assert.match(stdout, /^boot +vm2\nstate +preparing: It is being imported\.\n/)
  assert.ok(!stdout.includes('QEMU'))
})

it('exits 6 with the error of a boot that failed', async () => {
  const refused = { ...error, code: 'SHOAL_IMAGE_DEACTIVATED', message: 'It was deactivated.' }
  await using peer = await startBootPeer({ next: (boot) => ({ ...boot, state: 'failed', error: refused }) })
  const { code, stderr } = await peer.boot('prepare', IMAGE, '--name', 'vm1')
  assert.equal(code, EXIT.incomplete)
  assert.match(stderr, /^error: It was deactivated\.\nhint: Wait\.\ncode: SHOAL_IMAGE_DEACTIVATED\n$/)
})

it('lists, shows and releases', async () => {
  await using peer = await startBootPeer()
  assert.equal((await peer.boot('list')).stdout, 'Nothing is booted there.\n')
  peer.boots.set('vm1', buildBoot())
  const other = { image: null, overlay: null, totalBytes: 0, state: 'preparing', error } as const
  peer.boots.set('vm2', buildBoot({ name: 'vm2', ...other }))
  assert.deepEqual(
    (await peer.boot('list')).stdout.split('\n').map((line) => line.split(/ {2,}/)),
    [
      ['NAME', 'OF', 'HERE', 'READ', 'ON DEMAND', 'STALLS', 'OVERLAY', 'STATE'],
      ['vm1', IMAGE, '10 % of 300 MiB', '25.0 MiB', '2.00 MiB', '1', '/overlays/vm1.qcow2', 'ready'],
      ['vm2', 'bbbbbbbb0000', '-', '25.0 MiB', '2.00 MiB', '1', '-', 'preparing: It is being imported.'],
      [''],
    ],
  )
  assert.equal(JSON.parse((await peer.boot('list', '--json')).stdout).boots.length, 2)
  assert.match((await peer.boot('show', 'vm1')).stdout, /^boot +vm1\n/)
  const marked = await peer.boot('mark', 'vm1')
  assert.equal(marked.stdout, 'vm1: open after 500 ms, first read after 1.0 s, booted after 18.0 s\n')
  const released = await peer.boot('release', 'vm1')
  assert.equal(released.stdout, 'vm1: released; its overlay stays: /overlays/vm1.qcow2\n')
  assert.equal((await peer.boot('release', 'vm2')).stdout, 'vm2: released\n')
  for (const command of ['show', 'mark', 'release']) assert.equal((await peer.boot(command, 'vm1')).code, EXIT.notFound)
})

it('refuses what does not say what to boot', async () => {
  await using peer = await startBootPeer()
  for (const args of [
    [],
    [IMAGE, '--layer', 'aaaaaaaa'],
    [IMAGE, '--read-only', '--overlay', '/a'],
    [IMAGE, '--name', '../vm'],
    [IMAGE, '--overlay', 'relative.qcow2'],
  ]) {
    const { code, stderr } = await peer.boot('prepare', ...args)
    assert.equal(code, EXIT.usage, `${args.join(' ')}: ${stderr}`)
  }
  assert.equal((await peer.boot('prepare', 'debian-12')).code, EXIT.unreachable)
  assert.deepEqual(peer.requests, [])
})

it('shows nothing of a message that would move the cursor', async () => {
  const message = 'bad \u001b[2J image'
  await using peer = await startBootPeer({ next: (boot) => ({ ...boot, error: { ...error, message } }) })
  const { stdout } = await peer.boot('prepare', IMAGE, '--name', 'vm1', '--no-wait')
  assert.ok(!stdout.includes('\u001b'))
})

it('passes on a tenant’s token from a file or the environment, and none otherwise', async (t) => {
  await using peer = await startBootPeer({ next: ready })
  const directory = await mkdtemp(join(tmpdir(), 'shoal-token-'))
  t.after(() => rm(directory, { recursive: true }))
  const file = join(directory, 'token')
  await writeFile(file, 'of-a-file\n')
  await peer.boot('prepare', IMAGE)
  await peer.boot('prepare', IMAGE, '--tenant-token-file', file)
  await peer.bootIn({ SHOAL_TENANT_TOKEN: 'of-the-environment' }, 'prepare', IMAGE)
  assert.deepEqual(peer.tenantTokens, [undefined, 'of-a-file', 'of-the-environment'])
  const { code, stderr } = await peer.boot('prepare', IMAGE, '--tenant-token-file', join(directory, 'none'))
  assert.equal(code === EXIT.ok, false)
  assert.match(stderr, /SHOAL_CLI_TOKEN_FILE/)
})
