import { readFileSync, statSync } from 'node:fs'
import { errorMessage } from '@shoal/core'
import { parseDocument } from 'yaml'
import type { ConfigFault } from './config-source.ts'
import { serviceError } from './errors.ts'

/** A configuration file larger than this is a mistake. */
const MAX_FILE_BYTES = 1024 ** 2

/** Reads a configuration file, YAML or JSON (which is YAML). Throws `SHOAL_CONFIG_FILE` when it cannot be read. */
export function readConfigFile(path: string): { value: unknown; faults: ConfigFault[] } {
  return parseConfigText(readText(path), path)
}

/** What the text of a configuration file says; `path` is what its faults are told with. */
export function parseConfigText(text: string, path: string): { value: unknown; faults: ConfigFault[] } {
  const document = parseDocument(text, { prettyErrors: true })
  if (document.errors.length > 0) {
    return { value: {}, faults: document.errors.map((error) => ({ path, problem: firstLine(error.message) })) }
  }
  try {
    return { value: document.toJS({ maxAliasCount: 100 }) ?? {}, faults: [] }
  } catch (error) {
    return { value: {}, faults: [{ path, problem: errorMessage(error) }] }
  }
}

function readText(path: string): string {
  try {
    const { size } = statSync(path)
    if (size > MAX_FILE_BYTES) throw new Error(`it is larger than ${MAX_FILE_BYTES} bytes`)
    return readFileSync(path, 'utf8')
  } catch (error) {
    throw serviceError('SHOAL_CONFIG_FILE', { path, reason: errorMessage(error) }, error)
  }
}

function firstLine(text: string): string {
  return (text.split('\n', 1)[0] ?? text).replace(/:$/, '')
}
