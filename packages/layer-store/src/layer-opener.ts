import { Bitfield, blockCount, type Digest, errorMessage, type Logger } from '@shoal/core'
import { widestGaps } from './block-gaps.ts'
import { presentEnd } from './block-range.ts'
import type { BlockThread } from './block-thread.ts'
import { fileAllocation } from './durable-file.ts'
import { gapRanges } from './free-absent.ts'
import type { LayerDirectory } from './layer-directory.ts'
import { createLayerFile, type LayerFile, layerFileStatus, openLayerFile } from './layer-file.ts'
import type { LayerRecord } from './layer-record.ts'
import type { LayerRecords } from './layer-records.ts'
import type { LayerDescription } from './layer-store.ts'

/** Of the bytes of present blocks: what is less than that between them is not looked after. */
const LITTLE_SHARE = 0.25

export interface LayerOpenerDeps {
  readonly records: LayerRecords
  readonly logger: Logger
  readonly thread: BlockThread
  readonly directory: (digest: Digest) => LayerDirectory
  /** Told of a removed layer's directory that had to be left. */
  readonly onForeign: (path: string) => void
}

/** What a layer is made of once its record and its files agree. */
export interface OpenedLayer {
  readonly record: LayerRecord
  readonly description: LayerDescription
  readonly file: LayerFile
  readonly present: Bitfield
}

/** Brings the record of a layer and its files to a state that is one or the other, whatever was cut or changed before. */
export class LayerOpener {
  readonly #deps: LayerOpenerDeps

  constructor(deps: LayerOpenerDeps) {
    this.#deps = deps
  }

  /** Completes or undoes what the record says was under way, and opens the layer if there is one. */
  async settle(digest: Digest): Promise<OpenedLayer | undefined> {
    const record = await this.#deps.records.read(digest)
    if (record === undefined) return undefined
    const directory = this.#deps.directory(digest)
    const isAdopted =
      record.stagedInode !== null &&
      record.phase !== 'removing' &&
      (await layerFileStatus(directory.diskPath))?.inode === record.stagedInode
    if (isAdopted || record.phase === 'ready') return this.#load(record, isAdopted)
    await this.finishRemoval(digest)
    return undefined
  }

  /** From a record `removing` or `creating` to nothing. */
  async finishRemoval(digest: Digest): Promise<void> {
    const directory = this.#deps.directory(digest)
    if (!(await directory.remove())) {
      this.#deps.onForeign(directory.path)
      this.#deps.logger.warn({ digest, path: directory.path }, 'directory of a removed layer holds foreign files')
    }
    await this.#deps.records.delete(digest)
  }

  /** A file of the right length to start from, recorded; no block of it is present. */
  async renewFile(record: LayerRecord): Promise<LayerFile> {
    const { diskPath } = this.#deps.directory(record.manifest.digest)
    return this.#renew(record, await openLayerFile(diskPath, this.#deps.thread))
  }

  /** Records that the layer is in this file. */
  async putReady(record: LayerRecord, file: LayerFile, present?: Bitfield): Promise<LayerRecord> {
    const ready: LayerRecord = { ...record, phase: 'ready', inode: file.inode, stagedInode: null }
    await this.#deps.records.put(ready, present)
    return ready
  }

  async #load(record: LayerRecord, isAdopted: boolean): Promise<OpenedLayer | undefined> {
    const { digest } = record.manifest
    const directory = this.#deps.directory(digest)
    const description = await directory.read(record.manifest, record.sums)
    if (description === undefined) {
      this.#deps.logger.warn({ digest, path: directory.path }, 'manifest of a layer is lost: the layer is removed')
      await this.#deps.records.forget(record)
      await this.finishRemoval(digest)
      return undefined
    }
    const file = await openLayerFile(directory.diskPath, this.#deps.thread)
    try {
      return await this.#loadBlocks(record, description, file, isAdopted)
    } catch (error) {
      await file?.close()
      throw error
    }
  }

  async #loadBlocks(
    record: LayerRecord,
    description: LayerDescription,
    file: LayerFile | undefined,
    isAdopted: boolean,
  ): Promise<OpenedLayer> {
    const { digest, sizeBytes } = record.manifest
    const inode = isAdopted ? record.stagedInode : record.inode
    const present = isAdopted ? allBlocks(record) : await this.#deps.records.readPresence(record)
    const isHere =
      file?.inode === inode && file.sizeBytes >= presentEnd(record.manifest, present) && file.sizeBytes <= sizeBytes
    if (file === undefined || !isHere) {
      const { diskPath: path } = this.#deps.directory(digest)
      const fields = { digest, path, inode: file?.inode ?? null, sizeBytes: file?.sizeBytes ?? null }
      this.#deps.logger.warn(fields, 'file of a layer is missing or not the one recorded: its blocks are absent')
      const none = new Bitfield(blockCount(record.manifest))
      await this.#deps.records.put({ ...record, phase: 'ready', stagedInode: null }, none)
      return { record, description, file: await this.#renew(record, file), present: none }
    }
    if (!isAdopted) {
      await this.#reclaim(record, file, present)
      const ready = record.stagedInode === null ? record : await this.putReady(record, file)
      return { record: ready, description, file, present }
    }
    await this.#deps.directory(digest).sync()
    return { record: await this.putReady(record, file, present), description, file, present }
  }

  /**
   * Frees what was not yet freed of blocks that were to go, and writes that were never recorded: all behind the last present block, and
   * between present blocks where it is much. Little of that stays: it is written again.
   */
  async #reclaim({ manifest }: LayerRecord, file: LayerFile, present: Bitfield): Promise<void> {
    const { digest, sizeBytes, blockLengthBytes } = manifest
    const { diskPath } = this.#deps.directory(digest)
    const presentBytes = present.count * blockLengthBytes
    const excessBytes = async () => (await fileAllocation(diskPath)) - presentBytes
    if (file.sizeBytes === sizeBytes && (present.isFull || (await excessBytes()) <= 0)) return
    await file.freeFrom(presentEnd(manifest, present), sizeBytes)
    const betweenBytes = await excessBytes()
    const gaps = widestGaps(present)
    if (betweenBytes <= 0 || gaps.length === 0) return
    try {
      // Even for none: whatever is about to be freed is freed before blocks come there again.
      await file.punch(gapRanges(manifest, betweenBytes > presentBytes * LITTLE_SHARE ? gaps : []))
    } catch (error) {
      this.#deps.logger.debug({ digest, error: errorMessage(error) }, 'space of absent blocks is not freed')
    }
  }

  async #renew(record: LayerRecord, found: LayerFile | undefined): Promise<LayerFile> {
    const { digest, sizeBytes } = record.manifest
    const directory = this.#deps.directory(digest)
    const file = found ?? (await createLayerFile(directory.diskPath, sizeBytes, this.#deps.thread))
    if (file.sizeBytes !== sizeBytes) await file.freeFrom(Math.min(file.sizeBytes, sizeBytes), sizeBytes)
    await directory.sync()
    await this.putReady(record, file)
    return file
  }
}

function allBlocks({ manifest }: LayerRecord): Bitfield {
  const present = new Bitfield(blockCount(manifest))
  present.setAll()
  return present
}
