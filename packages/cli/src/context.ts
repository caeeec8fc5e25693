import { type Client, createClient } from '@shoal/api'
import { type Clock, systemClock } from '@shoal/core'
import { findAccessToken } from './access-token.ts'
import { cliError } from './errors.ts'
import { DEFAULT_SEED_URL, type GlobalArgs } from './global-options.ts'
import { Output } from './output.ts'
import type { Terminal } from './terminal.ts'

/** What every command works with. */
export interface CommandContext {
  /** Client of the seed; throws `SHOAL_CLI_SEED_URL` or `SHOAL_CLI_TOKEN_FILE` when first used. */
  readonly client: Client
  /** Client of a peer's own API. */
  peerAt(url: string): Client
  readonly output: Output
  readonly terminal: Terminal
  readonly clock: Clock
  /** Aborted when the command is interrupted. */
  readonly signal: AbortSignal
}

export function createContext(
  deps: { terminal: Terminal; clock?: Clock },
  options: { args: GlobalArgs; signal: AbortSignal },
): CommandContext {
  const { terminal, clock = systemClock } = deps
  const { args, signal } = options
  let seed: Client | undefined
  const clientOf = (kind: 'seed' | 'peer', text: string) => {
    const url = checkUrl(text)
    return createClient({ baseUrl: url, token: findAccessToken(args, terminal, { kind, url }) })
  }
  return {
    get client() {
      seed ??= clientOf('seed', args.seed ?? (terminal.env.SHOAL_SEED_URL || DEFAULT_SEED_URL))
      return seed
    },
    peerAt: (url) => clientOf('peer', url),
    output: new Output(terminal, { json: args.json, clock }),
    terminal,
    clock,
    signal,
  }
}

function checkUrl(url: string): string {
  const { protocol } = URL.parse(url) ?? {}
  if (protocol !== 'http:' && protocol !== 'https:') throw cliError('SHOAL_CLI_SEED_URL', { url })
  return url
}
