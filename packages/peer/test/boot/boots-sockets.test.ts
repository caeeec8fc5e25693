import { equal, rejects, throws } from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdir, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { openSocketDirectory, socketMode } from '../../src/boot/boots-sockets.ts'
import { loadPeerConfig } from '../../src/config.ts'
import { testDirectory } from '../peer-fixture.ts'

function configOf(flags: Record<string, unknown>) {
  return loadPeerConfig({ env: {}, flags: { 'seed.url': 'http://127.0.0.1:9', ...flags } })
}

test('the directory of the sockets is made in the state directory, for the peer and its group alone', async () => {
  await using directory = await testDirectory()
  const config = configOf({ stateDirectory: directory.path })
  const path = await openSocketDirectory(config)
  equal(path, join(directory.path, 'boot'))
  equal((await stat(path)).mode & 0o027, 0)
  equal(await openSocketDirectory(config), path)
  equal(socketMode(config), 0o660)
})

test('sockets in it belong to the group that is named', async () => {
  await using directory = await testDirectory()
  const group = execFileSync('id', ['-gn']).toString().trim()
  const path = join(directory.path, 'sockets')
  const config = configOf({ stateDirectory: directory.path, 'boot.socketDirectory': path, 'boot.socketGroup': group })
  await openSocketDirectory(config)
  const { mode, gid } = await stat(path)
  equal(mode & 0o7777, 0o2750)
  await mkdir(join(path, 'below'))
  equal((await stat(join(path, 'below'))).gid, gid)
})

test('a directory or a group that will not do ends the start with its code', async () => {
  await using directory = await testDirectory()
  const settings = { stateDirectory: directory.path }
  await rejects(openSocketDirectory(configOf({ ...settings, 'boot.socketGroup': 'nobody-has-this-group' })), {
    code: 'SHOAL_BOOT_SOCKET_GROUP',
  })
  const file = join(directory.path, 'file')
  await writeFile(file, '')
  await rejects(openSocketDirectory(configOf({ ...settings, 'boot.socketDirectory': join(file, 'sockets') })), {
    code: 'SHOAL_BOOT_DIRECTORY',
  })
  for (const mode of ['0999', '0666', '0661', '0777']) {
    throws(() => configOf({ ...settings, 'boot.socketMode': mode }), { code: 'SHOAL_CONFIG_INVALID' }, mode)
  }
})
