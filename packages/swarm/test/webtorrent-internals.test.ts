// Shows at once what an upgrade of the BitTorrent libraries removed or renamed of what we lean on: docs/webtorrent-defects.md.
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { globSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { test } from 'node:test'
import { Client as DhtClient } from 'bittorrent-dht'
import type Wire from 'bittorrent-protocol'
import { Client as TrackerClient, Server as TrackerServer } from 'bittorrent-tracker'
import WebTorrent, { type Torrent } from 'webtorrent'
import { buildLayer } from './layer-fixture.ts'
import { RecordingPeer } from './recording-peer.ts'

const PACKAGE = join(import.meta.dirname, '..')

const sources = globSync('src/**/*.ts', { cwd: PACKAGE }).map((path) => readFileSync(join(PACKAGE, path), 'utf8'))

/** Members of a class of ours or of a module `from`, as our source declares it; optional ones aside: these may be absent. */
function declaredMembers(name: string, from?: string): string[] {
  const isOf = (text: string) => from === undefined || text.includes(`declare module '${from}'`)
  const declared = new RegExp(`^( *)export (?:default )?(?:class|interface) ${name}\\b[^{]*\\{\\n(.*?)^\\1\\}`, 'ms')
  const [, indent = '', body = ''] = sources.filter(isOf).flatMap((text) => declared.exec(text) ?? [])
  const member = new RegExp(`^${indent}  (?:readonly )?(\\w+)[:(]`, 'gm')
  const members = [...body.matchAll(member)].map(([, found = '']) => found).filter((found) => found !== 'constructor')
  assert.ok(members.length > 0, `no members of ${name}`)
  return members
}

function absent(object: object, members: readonly string[]): string[] {
  return members.filter((name) => !(name in object))
}

/** The library's own objects, with one connection, set up as we set it up and not touched. */
async function libraryObjects(t: { after(fn: () => unknown): void }) {
  const { description } = buildLayer(64 * 1024)
  const { pieceLengthBytes } = description.manifest
  const client = new WebTorrent({
    torrentPort: { host: '127.0.71.1', port: 0 },
    dht: false,
    tracker: false,
    lsd: false,
    utPex: false,
    natUpnp: false,
    natPmp: false,
    utp: false,
    webSeeds: false,
    secure: 0,
  })
  t.after(() => new Promise<void>((resolve) => client.destroy(() => resolve())))
  await once(client, 'listening')
  const store = {
    chunkLength: pieceLengthBytes,
    get: (_index: number, _options: unknown, callback: (error: Error) => void) => callback(new Error('empty')),
    put: (_index: number, _data: Uint8Array, callback: (error: Error) => void) => callback(new Error('empty')),
    close: (callback: (error: null) => void) => callback(null),
    destroy: (callback: (error: null) => void) => callback(null),
  }
  const torrent = await new Promise<Torrent>((resolve) => {
    client.add(description.torrent, { skipVerify: true, deselect: true, preloadedStore: store }, resolve)
  })
  const met = once(torrent, 'wire') as Promise<[Wire]>
  const address = `127.0.71.1:${client.address()?.port ?? 0}`
  await RecordingPeer.dial(t, { address, from: '127.0.71.2', infoHash: description.manifest.infoHash })
  const [wire] = await met
  const [peer] = torrent._peers.values()
  assert.ok(peer !== undefined)
  return { client, torrent, wire, peer, pool: client._connPool }
}

/** The same of discovery; nothing listens or asks. */
function discoveryObjects(t: { after(fn: () => unknown): void }) {
  const dht = new DhtClient({ bootstrap: false })
  t.after(() => new Promise<void>((resolve) => dht.destroy(() => resolve())))
  const announce = ['http://127.0.71.1:1/announce']
  const tracker = new TrackerClient({
    infoHash: '0'.repeat(40),
    peerId: '1'.repeat(40),
    announce,
    port: 1,
    wrtc: false,
  })
  t.after(() => tracker.destroy())
  const allow = (_infoHash: string, _params: object, callback: (refusal: null) => void) => callback(null)
  const server = new TrackerServer({ http: {}, udp: true, ws: false, stats: false, interval: 1, filter: allow })
  for (const socket of [server.udp4, server.udp6]) t.after(() => socket?.close())
  return { dht, tracker, server }
}

test('the installed webtorrent has every member that we declare', { timeout: 30_000 }, async (t) => {
  const { client, torrent, wire, pool } = await libraryObjects(t)
  assert.deepEqual(absent(client, declaredMembers('WebTorrent', 'webtorrent')), [])
  assert.deepEqual(absent(torrent, declaredMembers('Torrent', 'webtorrent')), [])
  assert.deepEqual(absent(wire, declaredMembers('Wire', 'bittorrent-protocol')), [])
  assert.deepEqual(absent(pool, declaredMembers('ConnectionPool')), [])
})

test('the installed bittorrent-dht and bittorrent-tracker have every member that we declare', async (t) => {
  const { dht, tracker, server } = discoveryObjects(t)
  assert.deepEqual(absent(dht, declaredMembers('Client', 'bittorrent-dht')), [])
  assert.deepEqual(absent(tracker, declaredMembers('Client', 'bittorrent-tracker')), [])
  assert.deepEqual(absent(server, declaredMembers('Server', 'bittorrent-tracker')), [])
})

test('every private member that our source names is there', { timeout: 30_000 }, async (t) => {
  const objects = Object.values({ ...(await libraryObjects(t)), ...discoveryObjects(t) })
  const named = new Set(
    sources.flatMap((text) => [...text.matchAll(/\??\.(_[a-zA-Z]\w*)/g)].map(([, name = '']) => name)),
  )
  assert.ok(named.has('_onWireWithMetadata'))
  assert.deepEqual(
    [...named].filter((name) => !objects.some((object) => name in object)),
    [],
  )
})

test('the methods that we replace are the ones that webtorrent calls', { timeout: 30_000 }, async (t) => {
  const { torrent } = await libraryObjects(t)
  const source = readFileSync(createRequire(import.meta.url).resolve('webtorrent/lib/torrent.js'), 'utf8')
  const text = readFileSync(join(PACKAGE, 'src/quiet-torrent.ts'), 'utf8')
  const replaced = [...text.matchAll(/torrent\.(_\w+) = (?!\{)/g)].map(([, name = '']) => name)
  assert.ok(replaced.length > 0)
  for (const name of replaced) {
    assert.equal(typeof Reflect.get(torrent, name), 'function', name)
    assert.match(source, new RegExp(`this\\.${name}\\(`), `nothing calls ${name}`)
  }
})

test('the versions are fixed, and the installed ones are these', () => {
  const { dependencies } = JSON.parse(readFileSync(join(PACKAGE, 'package.json'), 'utf8'))
  const require = createRequire(import.meta.url)
  for (const [name, version] of Object.entries<string>(dependencies)) {
    if (name.startsWith('@shoal/')) continue
    // What is private in a library may change with any release of it.
    assert.match(version, /^\d+\.\d+\.\d+$/, name)
    assert.equal(installedVersion(require, name), version, name)
  }
})

function installedVersion(require: NodeJS.Require, name: string): string {
  const folder = require.resolve.paths(name)?.find((path) => globSync(`${name}/package.json`, { cwd: path }).length > 0)
  return JSON.parse(readFileSync(join(folder ?? '', name, 'package.json'), 'utf8')).version
}
