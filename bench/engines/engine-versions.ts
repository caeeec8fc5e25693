import { execFile } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'

const run = promisify(execFile)
const MANIFEST = join(import.meta.dirname, '../../node_modules/webtorrent/package.json')

/** What the baselines are; one that is not installed says so. */
export async function engineVersions(): Promise<Record<string, string>> {
  const ask = async (program: string, ...flags: string[]) => {
    const { stdout, stderr } = await run(program, flags)
    return (stdout || stderr).split('\n')[0] ?? ''
  }
  const asked = {
    aria2: ask('aria2c', '--version'),
    libtorrent: ask('/usr/bin/python3', '-c', 'import libtorrent; print(libtorrent.__version__)'),
    transmission: ask('transmission-daemon', '--version'),
    webtorrent: readFile(MANIFEST, 'utf8').then((text) => (JSON.parse(text) as { version: string }).version),
    curl: ask('curl', '--version'),
  }
  const versions = Object.entries(asked).map(async ([name, version]) => {
    return [name, await version.catch(() => 'not installed')] as const
  })
  return Object.fromEntries(await Promise.all(versions))
}
