import { readFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { errorCode, errorMessage } from '@shoal/core'
import { parse } from 'yaml'
import { openstackError } from './errors.ts'

/** A setting as the files and the environment have it: text throughout, so that a password of digits stays one. */
export type Settings = { [name: string]: string | Settings | (string | Settings)[] | undefined }

export interface CloudFiles {
  /** The file the clouds were read from; null when there is none. */
  readonly path: string | null
  readonly clouds: Settings
  /** Vendor profiles of `clouds-public.yaml`. */
  readonly profiles: Settings
}

const MAX_FILE_CHARS = 1024 * 1024
const SUFFIXES = ['.yaml', '.yml', '.json']

/**
 * Reads `clouds.yaml`, merges `secure.yaml` into it, and reads `clouds-public.yaml`: of each the first that exists,
 * in the places openstacksdk looks in. Throws `SHOAL_CLOUD_CONFIG`.
 */
export function readCloudFiles(env: NodeJS.ProcessEnv, searchPaths?: readonly string[]): CloudFiles {
  const directories = searchPaths ?? defaultDirectories(env)
  const config = readFirst('clouds', directories, env.OS_CLIENT_CONFIG_FILE)
  const secure = readFirst('secure', directories, env.OS_CLIENT_SECURE_FILE)
  const vendor = readFirst('clouds-public', directories, undefined)
  const merged = merge(config?.settings ?? {}, secure?.settings ?? {})
  return {
    path: config?.path ?? null,
    clouds: section(merged, 'clouds'),
    profiles: section(vendor?.settings ?? {}, 'public-clouds'),
  }
}

/** `over` on top of `under`, section by section. */
export function merge(under: Settings, over: Settings): Settings {
  const merged: Settings = { ...under }
  for (const [name, value] of Object.entries(over)) {
    const below = merged[name]
    merged[name] = isSection(below) && isSection(value) ? merge(below, value) : value
  }
  return merged
}

/** A section by name; empty when there is none. */
export function section(settings: Settings, name: string): Settings {
  const value = Object.hasOwn(settings, name) ? settings[name] : undefined
  return isSection(value) ? value : {}
}

function isSection(value: Settings[string]): value is Settings {
  return typeof value === 'object' && !Array.isArray(value)
}

function defaultDirectories(env: NodeJS.ProcessEnv): string[] {
  const home = env.HOME ?? homedir()
  return [
    process.cwd(),
    join(env.XDG_CONFIG_HOME || join(home, '.config'), 'openstack'),
    join(home, '.config/openstack'),
    '/etc/xdg/openstack',
    '/etc/openstack',
  ]
}

function readFirst(name: string, directories: readonly string[], override: string | undefined) {
  const candidates = directories.flatMap((directory) => SUFFIXES.map((suffix) => join(directory, name + suffix)))
  for (const path of override ? [override, ...candidates] : candidates) {
    const text = readIfPresent(path)
    if (text !== undefined) return { path, settings: parseSettings(path, text) }
  }
  return undefined
}

function readIfPresent(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    // openstacksdk goes on to the next place when it may not read a file.
    if (['ENOENT', 'ENOTDIR', 'EACCES'].includes(errorCode(error) ?? '')) return undefined
    throw openstackError('SHOAL_CLOUD_CONFIG', { source: path, reason: `it cannot be read: ${errorMessage(error)}` })
  }
}

function parseSettings(path: string, text: string): Settings {
  if (text.length > MAX_FILE_CHARS)
    throw openstackError('SHOAL_CLOUD_CONFIG', { source: path, reason: 'it is too large' })
  let parsed: unknown
  try {
    parsed = parse(text, { schema: 'failsafe', merge: true, prettyErrors: false })
  } catch {
    // The parser's own message quotes the line, which may hold a password.
    throw openstackError('SHOAL_CLOUD_CONFIG', { source: path, reason: 'it is not valid YAML or JSON' })
  }
  if (parsed === null || parsed === undefined || parsed === '') return {}
  if (typeof parsed !== 'object' || Array.isArray(parsed)) {
    throw openstackError('SHOAL_CLOUD_CONFIG', { source: path, reason: 'it does not hold sections' })
  }
  return parsed as Settings
}
