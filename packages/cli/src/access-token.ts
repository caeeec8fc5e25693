import { readFileSync, statSync } from 'node:fs'
import { resolve } from 'node:path'
import { errorCode, errorMessage } from '@shoal/core'
import { cliError } from './errors.ts'
import type { GlobalArgs } from './global-options.ts'
import type { Terminal } from './terminal.ts'

/** Where services on this machine keep the token of their API: those that `npm start` runs share one; then what infra/ installs. */
export const DEFAULT_TOKEN_FILES = {
  seed: ['.shoal/seed/operator.token', '/var/lib/shoal-seed/operator.token'],
  peer: ['.shoal/seed/operator.token', '/var/lib/shoal-peer/api-token'],
} as const

interface Service {
  readonly kind: keyof typeof DEFAULT_TOKEN_FILES
  readonly url: string
}

/** A larger file was named by mistake. */
const MAX_TOKEN_FILE_BYTES = 4096
const LOOPBACK = /^(localhost|127\.\d+\.\d+\.\d+|\[::1\])$/

/**
 * The token to send to a service: flag over environment over the file of such a service on this machine; a token before a file.
 * The machine's own token is only for the machine's own services: it is never sent to another host.
 */
export function findAccessToken(args: GlobalArgs, terminal: Terminal, service: Service): string | undefined {
  const { env, cwd } = terminal
  if (args.token !== undefined) return args.token
  if (args['token-file'] !== undefined) return readTokenFile(resolve(cwd, args['token-file']))
  if (env.SHOAL_TOKEN) return env.SHOAL_TOKEN
  if (env.SHOAL_TOKEN_FILE) return readTokenFile(resolve(cwd, env.SHOAL_TOKEN_FILE))
  if (!LOOPBACK.test(new URL(service.url).hostname)) return undefined
  for (const path of DEFAULT_TOKEN_FILES[service.kind]) {
    try {
      return readTokenFile(resolve(cwd, path))
    } catch {
      // Absent, or not ours to read: the service will say that a token is needed.
    }
  }
  return undefined
}

/** Throws `SHOAL_CLI_TOKEN_FILE` unless the file holds one word. */
export function readTokenFile(path: string): string {
  try {
    if (statSync(path).size > MAX_TOKEN_FILE_BYTES) throw new Error('it is too large to be one')
    const token = readFileSync(path, 'utf8').trim()
    if (token === '' || /\s/.test(token)) throw new Error('it does not hold one word')
    return token
  } catch (error) {
    const reason = errorCode(error) === 'ENOENT' ? 'it does not exist' : errorMessage(error)
    throw cliError('SHOAL_CLI_TOKEN_FILE', { path, reason }, error)
  }
}
