import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { setTimeout } from 'node:timers/promises'
import { digestHex, parseDigest } from '@shoal/core'
import { middleProperties } from '@shoal/openstack'
import { readHeader } from '@shoal/qcow2'
import { openDisk } from '../../src/layers/disk-files.ts'
import { createFixture, MIB, rawImage, type SeedFixture } from '../seed-fixture.ts'
import { digestOver, makeOverlay, type Overlay } from './overlay.ts'

const NOBODY = `sha256:${'ab'.repeat(32)}` as const

/** The sidecar of a middle in the library. */
function describeMiddle(parent: string | null, guestDigest: string, changes: Record<string, unknown> = {}): object {
  const properties = middleProperties({ parent: parseDigest(parent ?? ''), parentImage: undefined, guestDigest })
  return { disk_format: 'qcow2', properties: { ...properties, ...changes } }
}

function layerFile(fixture: SeedFixture, layer: string): string {
  return join(fixture.stateDirectory, 'layers', 'layers', digestHex(parseDigest(layer)), 'disk')
}

/** What a node would show that has a raw base and this middle. */
async function shownBy(fixture: SeedFixture, base: string, middle: string): Promise<Buffer> {
  await using opened = await openDisk([
    { path: layerFile(fixture, middle), format: 'qcow2' },
    { path: layerFile(fixture, base), format: 'raw' },
  ])
  return await opened.disk.read(0, opened.disk.virtualSizeBytes)
}

/** A seed with a base, and an overlay on it. */
async function start(t: { after(fn: () => Promise<void>): void }) {
  const fixture = await createFixture(t)
  const content = rawImage(4 * MIB)
  const overlay = await makeOverlay(content)
  await fixture.start()
  const image = await fixture.addImage('base', content)
  const { layer } = await fixture.import(image)
  assert.ok(layer !== null)
  return { fixture, content, overlay, base: layer, baseImage: image }
}

async function refused(fixture: SeedFixture, image: string, code: string): Promise<void> {
  const shown = await fixture.import(image)
  assert.deepEqual([shown.import?.state, shown.import?.error?.code, shown.layer], ['failed', code, null])
  assert.ok((shown.import?.error?.hint ?? '').length > 10)
  assert.deepEqual(await fixture.stagedFiles(), [])
}

describe('a middle in the library', () => {
  it('becomes a layer over its parent, with one read, and shows what the overlay showed', async (t) => {
    const { fixture, overlay, base } = await start(t)
    const id = await fixture.addImage('middle', overlay.stripped, describeMiddle(base, overlay.guestDigest))
    const reads = fixture.proxy.dataRequests.length
    const image = await fixture.import(id)
    assert.equal(image.import?.state, 'published', image.import?.error?.message)
    assert.equal(fixture.proxy.dataRequests.length, reads + 1)
    const layer = image.layer ?? ''
    assert.equal(layer, `sha256:${createHash('sha256').update(overlay.stripped).digest('hex')}`)
    assert.deepEqual(image.chain, [base, layer])
    const shown = await fixture.client.showLayer({ params: { layer } })
    assert.deepEqual([shown.kind, shown.parent, shown.format], ['middle', base, 'qcow2'])
    assert.equal(shown.virtualSizeBytes, overlay.guest.length)
    assert.ok((await shownBy(fixture, base, layer)).equals(overlay.guest))
    assert.equal(image.layering, null)
  })

  it('that names a backing file loses the name, which is never followed', async (t) => {
    const { fixture, overlay, base } = await start(t)
    assert.notEqual(readHeader(overlay.named).backingName, undefined)
    const id = await fixture.addImage('named', overlay.named, describeMiddle(base, overlay.guestDigest))
    const image = await fixture.import(id)
    assert.equal(image.import?.state, 'published', image.import?.error?.message)
    const layer = image.layer ?? ''
    const file = await readFile(layerFile(fixture, layer))
    assert.equal(readHeader(file).backingName, undefined)
    assert.equal(layer, `sha256:${createHash('sha256').update(file).digest('hex')}`)
    assert.notEqual(layer, `sha256:${createHash('sha256').update(overlay.named).digest('hex')}`)
    const verified = await fixture.client.verifyLayer({ params: { layer } })
    assert.deepEqual([verified.badBlocks, verified.digestMatches], [[], true])
    assert.ok((await shownBy(fixture, base, layer)).equals(overlay.guest))
  })

  it('that names a backing file is refused when it does not say that it is a middle', async (t) => {
    const { fixture, overlay } = await start(t)
    const id = await fixture.addImage('plain', overlay.named, { disk_format: 'qcow2' })
    await refused(fixture, id, 'SHOAL_IMAGE_BACKING_FILE')
  })

  it('is refused when its guest digest is another one, and nothing of it is kept', async (t) => {
    const { fixture, overlay, base } = await start(t)
    const id = await fixture.addImage('tampered', overlay.stripped, describeMiddle(base, 'cd'.repeat(32)))
    await refused(fixture, id, 'SHOAL_IMAGE_PARENT_UNPROVEN')
    assert.deepEqual(
      (await fixture.client.listLayers()).layers.map(({ digest }) => digest),
      [base],
    )
  })

  it('is refused over a base that it was not made on', async (t) => {
    const { fixture, overlay } = await start(t)
    const { layer: other } = await fixture.import(await fixture.addImage('other', rawImage(4 * MIB)))
    const id = await fixture.addImage('misplaced', overlay.stripped, describeMiddle(other, overlay.guestDigest))
    await refused(fixture, id, 'SHOAL_IMAGE_PARENT_UNPROVEN')
  })

  it('is refused before it is read while its parent is not here, and imported when asked again afterwards', async (t) => {
    const fixture = await createFixture(t)
    const content = rawImage(4 * MIB)
    const overlay = await makeOverlay(content)
    await fixture.start()
    const parent = `sha256:${createHash('sha256').update(content).digest('hex')}`
    const id = await fixture.addImage('early', overlay.stripped, describeMiddle(parent, overlay.guestDigest))
    await refused(fixture, id, 'SHOAL_IMAGE_PARENT_UNKNOWN')
    assert.equal(fixture.proxy.dataRequests.length, 0)
    await fixture.import(await fixture.addImage('base', content))
    const image = await fixture.import(id)
    assert.equal(image.import?.state, 'published', image.import?.error?.message)
    assert.equal(image.chain[0], parent)
  })

  it('may not lie on a middle', async (t) => {
    const { fixture, overlay, base } = await start(t)
    const first = await fixture.addImage('first', overlay.stripped, describeMiddle(base, overlay.guestDigest))
    const { layer } = await fixture.import(first)
    const id = await fixture.addImage('second', overlay.named, describeMiddle(layer, overlay.guestDigest))
    await refused(fixture, id, 'SHOAL_IMAGE_PARENT_UNKNOWN')
  })

  it('keeps its parent for all images of its bytes: over another base, or as a base, they are refused', async (t) => {
    const { fixture, overlay, base } = await start(t)
    const described = describeMiddle(base, overlay.guestDigest)
    await fixture.import(await fixture.addImage('first', overlay.stripped, described))
    const other = rawImage(4 * MIB)
    const { layer: otherBase } = await fixture.import(await fixture.addImage('other', other))
    const elsewhere = describeMiddle(otherBase, await digestOver(overlay.stripped, other))
    await refused(fixture, await fixture.addImage('elsewhere', overlay.stripped, elsewhere), 'SHOAL_IMAGE_OTHER_PARENT')
    const flat = await fixture.addImage('flat', overlay.stripped, { disk_format: 'qcow2' })
    await refused(fixture, flat, 'SHOAL_IMAGE_OTHER_PARENT')
    const again = await fixture.import(await fixture.addImage('again', overlay.stripped, described))
    assert.equal(again.import?.state, 'published')
  })

  it('may lie on the private image of its own project, not on that of another, which is not shown to be there', async (t) => {
    const fixture = await createFixture(t)
    const content = rawImage(4 * MIB)
    const overlay = await makeOverlay(content)
    await fixture.start()
    const owned = { visibility: 'private', owner: 'alice' }
    const { layer: base } = await fixture.import(await fixture.addImage('base', content, owned))
    const described = describeMiddle(base, overlay.guestDigest)
    const theirs = await fixture.addImage('theirs', overlay.stripped, { ...described, owner: 'mallory' })
    await refused(fixture, theirs, 'SHOAL_IMAGE_PARENT_UNKNOWN')
    const message = await messageOf(fixture, theirs)
    const nobody = await fixture.addImage('nobody', overlay.stripped, {
      ...describeMiddle(NOBODY, overlay.guestDigest),
      owner: 'mallory',
    })
    await refused(fixture, nobody, 'SHOAL_IMAGE_PARENT_UNKNOWN')
    const known = message.replace(theirs, 'IMAGE').replace(base ?? '', 'BASE')
    assert.equal(known, (await messageOf(fixture, nobody)).replace(nobody, 'IMAGE').replace(NOBODY, 'BASE'))
    const own = await fixture.addImage('own', overlay.stripped, { ...described, ...owned })
    assert.equal((await fixture.import(own)).import?.state, 'published')
  })

  it('is refused with a smaller disk than its base has', async (t) => {
    const { fixture, content, base } = await start(t)
    const small = await makeOverlay(content, { sizeBytes: 2 * MIB })
    const id = await fixture.addImage('small', small.stripped, describeMiddle(base, small.guestDigest))
    await refused(fixture, id, 'SHOAL_IMAGE_MIDDLE_SIZE')
  })

  const malformed: [what: string, changes: Record<string, unknown>][] = [
    ['another kind', { shoal_kind: 'top' }],
    ['a parent that is no digest', { shoal_parent: 'debian-12' }],
    ['a guest digest that is none', { shoal_guest_digest: 'yes' }],
  ]
  it('is refused unread when its properties make no sense', async (t) => {
    const { fixture, overlay, base } = await start(t)
    const reads = fixture.proxy.dataRequests.length
    for (const [what, changes] of malformed) {
      const described = describeMiddle(base, overlay.guestDigest, changes)
      const id = await fixture.addImage(what.replaceAll(' ', '-'), overlay.stripped, described)
      await refused(fixture, id, 'SHOAL_IMAGE_MIDDLE_PROPERTY')
    }
    assert.equal(fixture.proxy.dataRequests.length, reads)
  })

  it('whose compressed data cannot be read is refused like one that shows another disk', async (t) => {
    const { fixture, overlay, base } = await start(t)
    const described = describeMiddle(base, overlay.guestDigest)
    await refused(
      fixture,
      await fixture.addImage('broken', withBadCluster(overlay), described),
      'SHOAL_IMAGE_PARENT_UNPROVEN',
    )
  })

  it('keeps its base when the image of the base is deleted, until it goes itself', async (t) => {
    const { fixture, overlay, base, baseImage } = await start(t)
    const id = await fixture.addImage('middle', overlay.stripped, describeMiddle(base, overlay.guestDigest))
    const { layer } = await fixture.import(id)
    const layers = async () => (await fixture.client.listLayers()).layers.map(({ digest }) => digest).sort()
    await fixture.removeImage('base')
    await fixture.event('image.deleted', (event) => event.image === baseImage)
    await fixture.until(baseImage, (image) => image.layer === null)
    assert.deepEqual(await layers(), [base, layer ?? ''].sort())
    assert.equal((await fixture.client.showLayer({ params: { layer: base } })).state, 'published')
    assert.ok((await shownBy(fixture, base, layer ?? '')).equals(overlay.guest))
    await fixture.removeImage('middle')
    await fixture.until(id, (image) => image.layer === null)
    // The middle goes first, its base right after it.
    for (let attempt = 0; attempt < 500 && (await layers()).length > 0; attempt += 1) await setTimeout(20)
    assert.deepEqual(await layers(), [])
  })

  it('is published after a restart that came while it was being read', async (t) => {
    const { fixture, overlay, base } = await start(t)
    const id = await fixture.addImage('middle', overlay.named, describeMiddle(base, overlay.guestDigest))
    const release = fixture.proxy.holdAt(64 * 1024)
    await fixture.client.importImage({ params: { image: id } })
    await fixture.until(id, (image) => image.import?.state === 'reading')
    await fixture.stop()
    release()
    await fixture.start()
    const image = await fixture.imported(id)
    assert.equal(image.import?.state, 'published', image.import?.error?.message)
    assert.deepEqual(image.chain, [base, image.layer])
  })
})

async function messageOf(fixture: SeedFixture, image: string): Promise<string> {
  return (await fixture.client.showImage({ params: { image } })).import?.error?.message ?? ''
}

/** The overlay with a cluster that claims to be compressed, and is not: its tables are in order. */
function withBadCluster({ stripped }: Overlay): Buffer {
  const bytes = Buffer.from(stripped)
  const { l1Offset, clusterBits } = readHeader(bytes)
  const mask = 0x00ff_ffff_ffff_fe00n
  const table = Number(bytes.readBigUInt64BE(l1Offset) & mask)
  const entries = Array.from({ length: 2 ** clusterBits / 8 }, (_, index) => table + index * 8)
  const entry = entries.find((at) => (bytes.readBigUInt64BE(at) & mask) !== 0n)
  if (entry === undefined) throw new TypeError('the overlay has no cluster')
  const host = bytes.readBigUInt64BE(entry) & mask
  bytes.fill(0xff, Number(host), Number(host) + 2 ** clusterBits)
  // Bit 62: compressed; no further sectors.
  bytes.writeBigUInt64BE((1n << 62n) | host, entry)
  return bytes
}
