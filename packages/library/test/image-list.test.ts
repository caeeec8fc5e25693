import assert from 'node:assert/strict'
import { test } from 'node:test'
import { HttpFault } from '../src/http-fault.ts'
import { listImages } from '../src/image-list.ts'
import type { ImageView } from '../src/image-view.ts'

function view(id: string, change: Record<string, unknown> = {}): ImageView {
  const base = {
    id,
    name: `image ${id}`,
    status: 'active',
    visibility: 'public',
    tags: [],
    size: 100,
    os_hidden: false,
  }
  const times = { created_at: '2026-01-01T00:00:00Z', updated_at: '2026-01-01T00:00:00Z' }
  return { ...base, ...times, protected: false, disk_format: 'qcow2', ...change }
}

function ids(images: ImageView[], query: string): string[] {
  return listImages(images, new URLSearchParams(query)).images.map((image) => image.id)
}

const isBadRequest = (error: unknown) => error instanceof HttpFault && error.status === 400

test('following next from page to page gives each image once, newest first', () => {
  const images = ['a', 'b', 'c', 'd', 'e'].map((id, i) => view(id, { created_at: `2026-01-0${i + 1}T00:00:00Z` }))
  const seen: string[] = []
  let query: string | undefined = 'limit=2'
  while (query !== undefined) {
    const page = listImages(images, new URLSearchParams(query))
    seen.push(...page.images.map((image) => image.id))
    query = page.next?.split('?')[1]
  }
  assert.deepEqual(seen, ['e', 'd', 'c', 'b', 'a'])
})

test('a page that is exactly full names a next one, which is empty', () => {
  const page = listImages([view('a')], new URLSearchParams('limit=1&visibility=public'))
  assert.equal(page.next, '/v2/images?limit=1&visibility=public&marker=a')
  assert.deepEqual(listImages([view('a')], new URLSearchParams('limit=1&marker=a')).images, [])
})

test('a page has 25 images unless asked otherwise', () => {
  const images = Array.from({ length: 30 }, (_, i) => view(`id${i}`))
  assert.equal(ids(images, '').length, 25)
  assert.equal(ids(images, 'limit=30').length, 30)
})

test('updated_at is compared by the operator before it', () => {
  const images = [view('old'), view('new', { updated_at: '2026-03-01T10:00:00Z' })]
  assert.deepEqual(ids(images, 'updated_at=gt:2026-01-01T00:00:00Z'), ['new'])
  assert.deepEqual(ids(images, 'updated_at=gte:2026-01-01T00:00:00Z').length, 2)
  assert.deepEqual(ids(images, 'updated_at=lt:2026-03-01T10:00:00Z'), ['old'])
  assert.deepEqual(ids(images, 'updated_at=2026-03-01T10:00:00'), ['new'])
  assert.throws(() => ids(images, 'updated_at=gt:yesterday'), isBadRequest)
})

test('visibility, status, tag, size, name and properties filter', () => {
  const images = [
    view('a', { visibility: 'private', tags: ['gold', 'web'], size: 5, os_distro: 'debian' }),
    view('b', { visibility: 'community', status: 'deactivated' }),
    view('c', { os_hidden: true }),
    view('d', { tags: ['web'] }),
  ]
  assert.deepEqual(ids(images, 'visibility=private'), ['a'])
  assert.deepEqual(ids(images, 'sort=id:asc'), ['a', 'd'])
  assert.deepEqual(ids(images, 'visibility=all&sort=id:asc'), ['a', 'b', 'd'])
  assert.deepEqual(ids(images, 'visibility=all&status=deactivated'), ['b'])
  assert.deepEqual(ids(images, 'os_hidden=true'), ['c'])
  assert.deepEqual(ids(images, 'tag=web&tag=gold'), ['a'])
  assert.deepEqual(ids(images, 'size_max=10'), ['a'])
  assert.deepEqual(ids(images, 'os_distro=debian'), ['a'])
  assert.deepEqual(ids(images, 'name=in:image%20d,image%20x'), ['d'])
})

test('what Glance refuses with 400 is refused', () => {
  for (const query of [
    'limit=x',
    'limit=-1',
    'marker=unknown',
    'sort=colour:asc',
    'sort_key=name&sort_dir=up',
    'visibility=secret',
    'changes-since=2026-01-01T00:00:00Z',
    'os_hidden=maybe',
  ]) {
    assert.throws(() => ids([view('a')], query), isBadRequest, query)
  }
})
