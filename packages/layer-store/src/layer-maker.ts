import { rename } from 'node:fs/promises'
import { Bitfield, blockCount, errorCode, errorMessage, type Logger } from '@shoal/core'
import type { BlockThread } from './block-thread.ts'
import { syncPath } from './durable-file.ts'
import { storeError } from './errors.ts'
import type { LayerDirectory } from './layer-directory.ts'
import { createLayerFile, type LayerFile, openLayerFile } from './layer-file.ts'
import type { LayerOpener, OpenedLayer } from './layer-opener.ts'
import { type LayerRecord, newRecord } from './layer-record.ts'
import type { LayerRecords } from './layer-records.ts'
import type { LayerDescription } from './layer-store.ts'

export interface LayerMakerDeps {
  readonly records: LayerRecords
  readonly opener: LayerOpener
  readonly logger: Logger
  readonly thread: BlockThread
  readonly directory: (digest: LayerDescription['manifest']['digest']) => LayerDirectory
  readonly stagingDirectory: string
}

/** Makes layers in steps each of which a crash may follow (docs/formats/layer-store.md). */
export class LayerMaker {
  readonly #deps: LayerMakerDeps

  constructor(deps: LayerMakerDeps) {
    this.#deps = deps
  }

  /** A new, empty layer. */
  async create(description: LayerDescription): Promise<OpenedLayer> {
    const { records, opener, thread } = this.#deps
    const directory = this.#deps.directory(description.manifest.digest)
    await directory.checkFree()
    const record = await newRecord(description, null)
    return this.#orUndo(record, async () => {
      await records.put(record)
      await directory.write(description)
      const file = await createLayerFile(directory.diskPath, description.manifest.sizeBytes, thread)
      await directory.sync()
      const present = new Bitfield(blockCount(description.manifest))
      return { record: await opener.putReady(record, file), description, file, present }
    })
  }

  /** A new layer from a staged file; settling completes it once the file is in its place. */
  async adopt(description: LayerDescription, stagedPath: string, stagedInode: string): Promise<void> {
    const directory = this.#deps.directory(description.manifest.digest)
    await directory.checkFree()
    const record = await newRecord(description, stagedInode)
    await this.#orUndo(record, async () => {
      await this.#deps.records.put(record)
      await directory.write(description)
      await directory.sync()
    })
    // From here on nothing is undone.
    await this.#moveIn(stagedPath, directory)
  }

  /** Puts a staged file in the place of a layer's file, which was there in part. */
  async adoptOver(manifest: LayerDescription['manifest'], stagedPath: string, stagedInode: string): Promise<LayerFile> {
    const { digest } = manifest
    const directory = this.#deps.directory(digest)
    const record = await this.#deps.records.read(digest)
    if (record === undefined) throw storeError('SHOAL_STORE_LAYER_UNKNOWN', { digest })
    await this.#deps.records.put({ ...record, stagedInode })
    await this.#moveIn(stagedPath, directory)
    const file = await openLayerFile(directory.diskPath, this.#deps.thread)
    if (file === undefined) throw storeError('SHOAL_STORE_LAYER_UNKNOWN', { digest })
    const present = new Bitfield(blockCount(manifest))
    present.setAll()
    await this.#deps.opener.putReady(record, file, present)
    return file
  }

  /** Runs the steps that make a layer; if they fail, what they left is removed now or, failing that, at the next start. */
  async #orUndo<T>(record: LayerRecord, steps: () => Promise<T>): Promise<T> {
    const { digest } = record.manifest
    try {
      return await steps()
    } catch (error) {
      if (errorCode(error) === 'EEXIST') {
        // Something foreign took the path just now; without the record it is left alone.
        await this.#deps.records.delete(digest)
        throw storeError('SHOAL_STORE_FOREIGN_FILE', { path: this.#deps.directory(digest).path }, error)
      }
      await this.#deps.opener.finishRemoval(digest).catch((undoError: unknown) => {
        const fields = { digest, error: errorMessage(undoError) }
        this.#deps.logger.warn(fields, 'remains of a layer that could not be made will be removed later')
      })
      throw error
    }
  }

  async #moveIn(stagedPath: string, directory: LayerDirectory): Promise<void> {
    await rename(stagedPath, directory.diskPath)
    await directory.sync()
    await syncPath(this.#deps.stagingDirectory)
  }
}
