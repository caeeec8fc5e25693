import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { type Clock, errorMessage } from '@shoal/core'
import { readOrCreateSecret } from '@shoal/service'
import type { SeedConfig } from './config.ts'
import { seedError } from './errors.ts'
import { SigningKeys } from './trust/signing-keys.ts'

/** What the seed alone knows, in files that it makes when they are missing. */
export interface SeedSecrets {
  readonly operatorToken: string
  readonly nodeToken: string
  readonly viewerToken: string
  /** Browsers' sessions are signed with it. */
  readonly sessionSecret: string
  /** What the seed makes is signed with them. */
  readonly keys: SigningKeys
}

/** Makes the state directory, if it is not there, and the files. Throws `SHOAL_SEED_DIRECTORY` and the codes of the files. */
export async function openSecrets(
  { stateDirectory, tokens }: Pick<SeedConfig, 'stateDirectory' | 'tokens'>,
  deps: { clock: Clock },
): Promise<SeedSecrets> {
  await makeDirectory(stateDirectory)
  const read = (path: string | null, name: string) => readOrCreateSecret(path ?? join(stateDirectory, name))
  return {
    operatorToken: await read(tokens.operatorFile, 'operator.token'),
    nodeToken: await read(tokens.nodeFile, 'node.token'),
    viewerToken: await read(tokens.viewerFile, 'viewer.token'),
    sessionSecret: await read(null, 'session.key'),
    keys: await SigningKeys.open(join(stateDirectory, 'signing.key'), deps),
  }
}

async function makeDirectory(directory: string): Promise<void> {
  try {
    await mkdir(directory, { recursive: true, mode: 0o750 })
  } catch (error) {
    throw seedError('SHOAL_SEED_DIRECTORY', { directory, reason: errorMessage(error) }, error)
  }
}
