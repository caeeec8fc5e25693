import { equal } from 'node:assert/strict'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { type NetworkInterfaceInfo, tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { undoAfter } from '../../../test/harness/undo.ts'
import { linkBytesPerSecond } from '../src/link-speed.ts'

test('the rate of a link is what the kernel says of the interface with that address', async (t) => {
  const undo = undoAfter(t)
  const sysPath = await mkdtemp(join(tmpdir(), 'shoal-link-'))
  undo.after(() => rm(sysPath, { recursive: true, force: true }))
  for (const [name, speed] of Object.entries({ fast: '10000\n', down: '-1\n', odd: 'Unknown!\n' })) {
    await mkdir(join(sysPath, name))
    await writeFile(join(sysPath, name, 'speed'), speed)
  }
  const at = (address: string) => [{ address } as NetworkInterfaceInfo]
  const interfaces = () => ({
    lo: at('127.0.0.1'),
    fast: [...at('fd00::1'), ...at('10.0.0.1')],
    down: at('10.0.0.2'),
    odd: at('10.0.0.3'),
  })
  const rateOf = (host: string) => linkBytesPerSecond(host, { interfaces, sysPath })
  equal(await rateOf('10.0.0.1'), 1_250_000_000)
  equal(await rateOf('[fd00::1]'), 1_250_000_000)
  for (const host of ['127.0.0.1', '10.0.0.2', '10.0.0.3', '10.0.0.4', 'a-name', '0.0.0.0']) {
    equal(await rateOf(host), null, host)
  }
})
