import { execFile } from 'node:child_process'
import { chmod, chown, mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { errorMessage } from '@shoal/core'
import type { PeerConfig } from '../config.ts'
import { bootError } from './errors.ts'

const run = promisify(execFile)
const PRIVATE_MODE = 0o750
/** What is made in it belongs to its group. */
const GROUP_MODE = 0o2750

export function socketDirectory({ boot, stateDirectory }: Pick<PeerConfig, 'boot' | 'stateDirectory'>): string {
  return boot.socketDirectory ?? join(stateDirectory, 'boot')
}

/** Mode of the sockets, as a number. */
export function socketMode({ boot }: Pick<PeerConfig, 'boot'>): number {
  return Number.parseInt(boot.socketMode, 8)
}

/**
 * Makes the directory of the sockets, which their group may enter and nobody else. Throws `SHOAL_BOOT_DIRECTORY` and
 * `SHOAL_BOOT_SOCKET_GROUP`.
 */
export async function openSocketDirectory(config: Pick<PeerConfig, 'boot' | 'stateDirectory'>): Promise<string> {
  const path = socketDirectory(config)
  const { socketGroup: group } = config.boot
  try {
    await mkdir(path, { recursive: true, mode: PRIVATE_MODE })
  } catch (error) {
    throw bootError('SHOAL_BOOT_DIRECTORY', { path, reason: errorMessage(error) }, error)
  }
  if (group === null) return path
  const id = await groupId(group)
  try {
    await chown(path, -1, id)
    await chmod(path, GROUP_MODE)
  } catch (error) {
    throw bootError('SHOAL_BOOT_SOCKET_GROUP', { group, reason: errorMessage(error) }, error)
  }
  return path
}

/** Of whatever the machine takes its groups from. */
async function groupId(group: string): Promise<number> {
  try {
    const { stdout } = await run('getent', ['group', group])
    const id = Number(stdout.split(':')[2])
    if (Number.isSafeInteger(id)) return id
  } catch (error) {
    throw bootError('SHOAL_BOOT_SOCKET_GROUP', { group, reason: 'there is no such group' }, error)
  }
  throw bootError('SHOAL_BOOT_SOCKET_GROUP', { group, reason: 'its number is not known' })
}
