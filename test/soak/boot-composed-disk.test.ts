import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { test } from 'node:test'
import { promisify } from 'node:util'
import { type BootDisk, bootToMarker, type NodeDisk } from '../../infra/guests/boot-to-marker.ts'
import { ensureRoles } from '../../infra/guests/ensure-guests.ts'
import { GUEST_ROLES } from '../../infra/guests/guest-role.ts'
import { composeOn, distributeSnapshot } from '../harness/layered-snapshot.ts'
import { undoAfter } from '../harness/undo.ts'

const run = promisify(execFile)
/** QEMU runs without hardware virtualisation. */
const BOOT_MS = 600_000
const FORMATS = ['raw', 'qcow2', 'chain'] as const

test('a Debian snapshot out of Glance boots to its services from what nodes compose of base and middle', async (t) => {
  const undo = undoAfter(t)
  const [role] = GUEST_ROLES
  assert.ok(role !== undefined)
  const guests = await ensureRoles([role], { say: (line) => t.diagnostic(line) })
  const [snapshot] = guests.middles
  assert.ok(snapshot !== undefined)
  // As an operator snapshots it: what was deleted is still there.
  const flat = snapshot.untrimmed
  const { cluster, middle, middleOverFlat } = await distributeSnapshot(undo, { base: guests.base, flat })
  t.diagnostic(`the middle is ${middleOverFlat.toFixed(2)} of the snapshot`)
  const disks: BootDisk[] = []
  for (const { name } of cluster.peers) {
    for (const format of FORMATS) {
      const composed = await composeOn(cluster, name, `disk.${format}`, { layer: middle, format })
      const disk = await opened(format, composed.path ?? '')
      await run('qemu-img', ['compare', ...comparable(disk), flat])
      if (name === 'node1') disks.push(disk.boot)
    }
  }
  for (const [index, disk] of disks.entries()) {
    const { seconds, failed, layers, units } = await bootToMarker({ disks: [disk], timeoutMs: BOOT_MS })
    t.diagnostic(`${FORMATS[index]}: up after ${seconds.toFixed(1)} s`)
    assert.deepEqual(
      { failed, layers, units },
      {
        failed: 0,
        layers: ['base', role.name],
        units: Object.fromEntries(role.units.map((unit) => [unit, 'active'])),
      },
    )
  }
})

/** How QEMU boots it, and how its tools read it. */
async function opened(format: (typeof FORMATS)[number], path: string): Promise<{ boot: BootDisk; image: string }> {
  if (format !== 'chain') return { boot: { file: path, format }, image: path }
  const { blockdev, nodeName, image } = JSON.parse(await readFile(path, 'utf8')) as NodeDisk & { image: string }
  return { boot: { blockdev, nodeName }, image }
}

function comparable({ boot, image }: { boot: BootDisk; image: string }): string[] {
  // A chain's image is a whole description, formats and all.
  return 'format' in boot ? ['-f', boot.format, '-F', 'qcow2', image] : ['-F', 'qcow2', image]
}
