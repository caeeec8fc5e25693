import { readFile, stat, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { type BootProfile, readBootProfile, writeBootProfile } from '@shoal/qcow2'
import { rawBeside } from '../../infra/guests/raw-beside.ts'
import { recordBoot } from '../../infra/guests/record-boot.ts'

const TIMEOUT_MS = 300_000
/** The profile is of a disk of this machine, which is no layer yet. */
const NO_LAYER = `sha256:${'0'.repeat(64)}`

/** What the base guest reads while it boots, recorded once and kept beside it. */
export async function bootReads(base: string, { say }: { say: (line: string) => void }): Promise<BootProfile> {
  const path = join(dirname(base), 'boot.profile')
  const known = await readFile(path, 'latin1').catch(() => undefined)
  if (known !== undefined) return readBootProfile(known)
  const raw = await rawBeside(base)
  const virtualSizeBytes = (await stat(raw)).size
  const profile = await recordBoot({ raw, virtualSizeBytes, recordedOn: NO_LAYER, timeoutMs: TIMEOUT_MS, say })
  await writeFile(path, writeBootProfile(profile))
  return profile
}
