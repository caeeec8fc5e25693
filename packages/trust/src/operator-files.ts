import type { X509Certificate } from 'node:crypto'
import { stat } from 'node:fs/promises'
import { loadAuthorities, loadCredential } from './credential-files.ts'
import { trustError } from './errors.ts'
import type { Credential } from './node-credential.ts'

/** Files that an operator's authority fills, as a configuration names them. */
export interface OperatorFilePaths {
  /** The holder's certificate, and intermediate authorities behind it; PEM. */
  readonly certificateFile: string | null
  readonly keyFile: string | null
  readonly authoritiesFile: string | null
}

/** A credential and its authorities in files of an operator, who may replace them at any time. */
export class OperatorFiles {
  readonly #paths: { readonly certificate: string; readonly key: string; readonly authorities: string }
  #stamp = ''

  private constructor(paths: { certificate: string; key: string; authorities: string }) {
    this.#paths = paths
  }

  /** `undefined` when none is named. Throws `SHOAL_TRUST_FILES` when only some are. */
  static of({ certificateFile, keyFile, authoritiesFile }: OperatorFilePaths): OperatorFiles | undefined {
    if (certificateFile === null && keyFile === null && authoritiesFile === null) return undefined
    if (certificateFile === null || keyFile === null || authoritiesFile === null) throw trustError('SHOAL_TRUST_FILES')
    return new OperatorFiles({ certificate: certificateFile, key: keyFile, authorities: authoritiesFile })
  }

  /** Reads all of them. Throws `SHOAL_TRUST_CREDENTIAL` and `SHOAL_TRUST_CA_FILE`. */
  async load(): Promise<{ readonly credential: Credential; readonly authorities: readonly X509Certificate[] }> {
    const { certificate, key, authorities: authoritiesPath } = this.#paths
    this.#stamp = await this.#stampNow()
    const credential = await loadCredential(certificate, key)
    const reason = 'it is not there'
    if (credential === undefined) throw trustError('SHOAL_TRUST_CREDENTIAL', { path: certificate, reason })
    const authorities = await loadAuthorities(authoritiesPath)
    if (authorities === undefined) throw trustError('SHOAL_TRUST_CA_FILE', { path: authoritiesPath, reason })
    return { credential, authorities }
  }

  /** Whether one of them was written or replaced since they were last read. */
  async haveChanged(): Promise<boolean> {
    return (await this.#stampNow()) !== this.#stamp
  }

  async #stampNow(): Promise<string> {
    const { certificate, key, authorities } = this.#paths
    const stats = await Promise.all([certificate, key, authorities].map((file) => stat(file).catch(() => undefined)))
    return stats.map((each) => (each === undefined ? '-' : `${each.ino} ${each.size} ${each.mtimeMs}`)).join()
  }
}
