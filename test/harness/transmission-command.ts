import { copyFile, mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { ForeignCommand, ForeignOptions } from './foreign-client.ts'

const LOG_INFO = 2

/** transmission-daemon with a configuration of its own; it takes the torrent from a directory that it watches. */
export async function transmissionCommand(
  { directory, torrentFile }: ForeignOptions,
  port: number,
): Promise<ForeignCommand> {
  const configuration = join(directory, 'transmission')
  const watched = join(configuration, 'watched')
  await mkdir(watched, { recursive: true })
  const settings = {
    'bind-address-ipv4': '0.0.0.0',
    'peer-port': port,
    'peer-port-random-on-start': false,
    'download-dir': directory,
    'watch-dir': watched,
    'watch-dir-enabled': true,
    'rename-partial-files': false,
    'rpc-enabled': false,
    'dht-enabled': false,
    'lpd-enabled': false,
    'pex-enabled': false,
    'utp-enabled': false,
    'port-forwarding-enabled': false,
    'message-level': LOG_INFO,
  }
  await writeFile(join(configuration, 'settings.json'), JSON.stringify(settings))
  await copyFile(torrentFile, join(watched, 'layer.torrent'))
  return {
    argv: ['transmission-daemon', '--foreground', '--config-dir', configuration],
    marker: /State changed from "Incomplete" to "Complete"/,
  }
}
