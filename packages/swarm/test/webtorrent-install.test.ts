// webtorrent cannot be installed as it is published: docs/webtorrent-defects.md and ADR 10.
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'

const root = join(import.meta.dirname, '../../..')

interface LockedPackage {
  readonly version?: string
  readonly resolved?: string
  readonly link?: boolean
  readonly hasInstallScript?: boolean
  readonly dependencies?: Record<string, string>
}

const { packages } = read('package-lock.json') as { packages: Record<string, LockedPackage> }
const project = read('package.json') as { overrides: Record<string, string>; allowScripts: Record<string, boolean> }

function read(path: string): unknown {
  return JSON.parse(readFileSync(join(root, path), 'utf8'))
}

/** All installed copies of a package. */
function locked(name: string): LockedPackage[] {
  return Object.entries(packages)
    .filter(([path]) => path.endsWith(`node_modules/${name}`))
    .map(([, locked]) => locked)
}

test('ip-set is the version that npm can install: later ones run another package manager', () => {
  assert.equal(project.overrides['ip-set'], '2.2.0')
  assert.deepEqual(
    locked('ip-set').map(({ version }) => version),
    ['2.2.0'],
  )
  assert.deepEqual(locked('only-allow'), [])
})

test('webrtc-polyfill is our stub, so that nothing downloads a binary, and says that there is no WebRTC', async () => {
  assert.deepEqual(
    locked('webrtc-polyfill').map(({ link, resolved }) => [link, resolved]),
    [[true, 'infra/stubs/webrtc-polyfill']],
  )
  assert.deepEqual(locked('node-datachannel'), [])
  const { default: stub } = await import(join(root, 'infra/stubs/webrtc-polyfill/index.js'))
  assert.deepEqual(stub, { RTCPeerConnection: undefined, RTCSessionDescription: undefined, RTCIceCandidate: undefined })
})

test('no package may run an install script but the runtime, and each that would is named', () => {
  const scripted = Object.entries(packages).filter(([, { hasInstallScript }]) => hasInstallScript === true)
  const names = scripted.map(([path]) => path.slice(path.lastIndexOf('node_modules/') + 'node_modules/'.length))
  const [allowed, refused] = [true, false].map((isAllowed) =>
    Object.entries(project.allowScripts)
      .filter(([, value]) => value === isAllowed)
      .map(([name]) => name.replace(/(?<=.)@.*/, '')),
  )
  assert.deepEqual(allowed, ['node'])
  assert.deepEqual(
    names.filter((name) => name !== 'node' && refused?.includes(name) !== true),
    [],
  )
})
