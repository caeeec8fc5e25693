import { dirname, resolve } from 'node:path'
import { errorCode } from '@shoal/core'
import { MAX_HEADER_BYTES, type Qcow2Header, readHeader } from '@shoal/qcow2'
import { cliError } from '../errors.ts'
import type { DiskFile } from './disk-file.ts'

export interface BackingPlace {
  readonly path: string
  /** Who names it. */
  readonly from: 'header' | 'option'
  /** As what the overlay reads it; `undefined` when it does not say. */
  readonly format: 'raw' | 'qcow2' | undefined
}

const BACKING_FORMAT = 0xe2792aca
/** QEMU takes what is before a colon, if no slash comes first, for a protocol. */
const PROTOCOL = /^[^/]*:/

/**
 * Where the base of an overlay is: what the operator says, or what `qemu-img create -b` wrote into the header, which is seen from the
 * overlay's directory. It is the operator's own file, so the name may be followed; a protocol is not. Throws `SHOAL_CLI_BACKING_FILE`.
 */
export function findBacking(
  overlay: { readonly path: string; readonly header: Qcow2Header },
  options: { readonly backing: string | undefined; readonly cwd: string },
): BackingPlace {
  const { path, header } = overlay
  const fault = (reason: string) => cliError('SHOAL_CLI_BACKING_FILE', { path, reason })
  const declared = header.extensions.find(({ type }) => type === BACKING_FORMAT)?.data.toString('latin1')
  if (declared !== undefined && declared !== 'raw' && declared !== 'qcow2') {
    throw fault(`its format is ${JSON.stringify(declared.slice(0, 40))}, and bases are raw or qcow2`)
  }
  const format = declared
  if (options.backing !== undefined) return { path: resolve(options.cwd, options.backing), from: 'option', format }
  const name = header.backingName
  if (name === undefined || name === '') throw fault('the file does not name one')
  if (PROTOCOL.test(name)) throw fault(`its name ${JSON.stringify(name.slice(0, 100))} is no path`)
  return { path: resolve(dirname(path), name), from: 'header', format }
}

/** Throws `SHOAL_CLI_CHAIN_TOO_DEEP` when the backing file has one of its own, unless the overlay reads it as raw. */
export async function checkDepth(overlay: string, file: DiskFile, format: BackingPlace['format']): Promise<void> {
  if (format === 'raw') return
  const head = await file.read(0, MAX_HEADER_BYTES)
  const name = readBackingName(head)
  if (name === undefined) return
  const details = { path: overlay, backing: file.path, name: name.slice(0, 200) }
  throw cliError('SHOAL_CLI_CHAIN_TOO_DEEP', details)
}

function readBackingName(head: Buffer): string | undefined {
  try {
    return readHeader(head).backingName
  } catch (error) {
    // What it really is, the proof will say.
    if (errorCode(error)?.startsWith('SHOAL_QCOW2_')) return undefined
    throw error
  }
}
