import type { StoredLayer } from '@shoal/layer-store'
import { describeChain } from './chain-description.ts'
import type { ComposeDisk, ComposeOptions } from './compose-process.ts'
import type { CompositionRecord } from './composition-records.ts'
import type { PlacedFile } from './disk-directory.ts'
import { createDiskFile } from './disk-file.ts'
import { writeOverlay } from './write-overlay.ts'

/** A file that is whole and synced, under a name that nobody looks for. */
export interface MadeFile extends PlacedFile {
  readonly temporary: string
}

/** What a composition consists of, in the order in which it is put into place. */
export interface Made {
  readonly files: readonly MadeFile[]
  readonly writtenBytes: number
}

export interface MakeOptions extends ComposeOptions {
  readonly compose: ComposeDisk
  /** Names a temporary file, which the caller removes in the end. */
  readonly temporaryPath: () => string
}

/** Makes the files of a composition from complete layers, the topmost first. */
export function makeFiles(
  record: CompositionRecord,
  chain: readonly StoredLayer[],
  options: MakeOptions,
): Promise<Made> {
  return record.format === 'chain' ? makeChain(record, chain, options) : makeDisk(record, chain, options)
}

async function makeDisk(record: CompositionRecord, chain: readonly StoredLayer[], options: MakeOptions): Promise<Made> {
  const { format, compression, totalBytes, path } = record
  const temporary = options.temporaryPath()
  const layers = chain.map(({ path, manifest }) => {
    return { path, format: manifest.format, sizeBytes: manifest.sizeBytes }
  })
  const job = { layers, virtualSizeBytes: totalBytes, compression, path: temporary }
  const { identity, writtenBytes } = await options.compose(
    { ...job, format: format === 'raw' ? 'raw' : 'qcow2' },
    options,
  )
  return { files: [{ path, identity, temporary }], writtenBytes }
}

/** The description comes last: who finds it finds the overlay too. */
async function makeChain(
  record: CompositionRecord,
  chain: readonly StoredLayer[],
  { temporaryPath }: MakeOptions,
): Promise<Made> {
  const { name, layer, totalBytes: virtualSizeBytes, path, overlay, givenOverlay } = record
  if (overlay === null) throw new TypeError('a chain without the path of an overlay')
  const layers = chain.map(({ path, manifest }) => ({ path, format: manifest.format }))
  const files: MadeFile[] = []
  if (givenOverlay === null) {
    const temporary = temporaryPath()
    const identity = await writeOverlay(temporary, { virtualSizeBytes, layers })
    files.push({ path: overlay, identity, temporary })
  }
  const text = JSON.stringify(describeChain({ name, layer, virtualSizeBytes, layers, overlay }), null, 2)
  const temporary = temporaryPath()
  await using file = await createDiskFile(temporary)
  await file.write(0, Buffer.from(`${text}\n`))
  files.push({ path, identity: await file.finish(), temporary })
  return { files, writtenBytes: 0 }
}
