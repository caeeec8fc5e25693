import { type FileHandle, open, readdir, stat } from 'node:fs/promises'
import { extname, join } from 'node:path'
import { type Clock, errorMessage, type Logger, ShoalError } from '@shoal/core'
import { describeDisk, isImageFile } from './disk-format.ts'
import { libraryError } from './errors.ts'
import { type FileIdentity, fileIdentity, sameFile } from './file-identity.ts'
import { hashFile } from './hash-file.ts'
import { imageId } from './image-id.ts'
import { type IndexEntry, readIndex, writeIndex } from './image-index.ts'
import { readSidecar, type Sidecar } from './sidecar.ts'

const MAX_IMAGES = 10_000

/** One image file with all that Glance says about an image. */
export interface LibraryImage {
  readonly id: string
  readonly fileName: string
  readonly identity: FileIdentity
  readonly diskFormat: string
  readonly virtualSizeBytes: number | null
  readonly sha512: string
  readonly md5: string
  readonly createdAt: string
  readonly updatedAt: string
  readonly sidecar: Sidecar
}

/**
 * The images of a directory. `refresh` looks at the directory again; what is known changes at once, files that
 * are new appear as each is hashed.
 */
export class ImageCatalogue {
  readonly #deps: { logger: Logger; clock: Clock }
  readonly #directory: string
  #index: Map<string, IndexEntry> | undefined
  #images = new Map<string, LibraryImage>()
  #running: Promise<void> | undefined
  #next: Promise<void> | undefined
  #dirty = false
  #complaints = new Map<string, string>()

  constructor(deps: { logger: Logger; clock: Clock }, directory: string) {
    this.#deps = deps
    this.#directory = directory
  }

  images(): LibraryImage[] {
    return [...this.#images.values()]
  }

  get(id: string): LibraryImage | undefined {
    return this.#images.get(id)
  }

  /** Resolves when a look at the directory that began after this call has ended; calls meanwhile share it. */
  refresh(options: { signal?: AbortSignal } = {}): Promise<void> {
    if (this.#running === undefined) return this.#start(options)
    this.#next ??= this.#running.catch(() => {}).then(() => this.#start(options))
    return this.#next
  }

  /** Opens an image's file, or `undefined` when the file is no longer the one that was hashed. */
  async open(image: LibraryImage): Promise<FileHandle | undefined> {
    const file = await open(join(this.#directory, image.fileName), 'r').catch(() => undefined)
    if (file === undefined) return undefined
    if (sameFile(fileIdentity(await file.stat({ bigint: true })), image.identity)) return file
    await file.close()
    return undefined
  }

  #start(options: { signal?: AbortSignal }): Promise<void> {
    this.#next = undefined
    this.#running = this.#refresh(options).finally(() => {
      this.#running = undefined
    })
    return this.#running
  }

  async #refresh({ signal }: { signal?: AbortSignal }): Promise<void> {
    this.#index ??= await readIndex(this.#deps.logger, this.#directory)
    const index = this.#index
    const fileNames = await this.#fileNames()
    const complaints = new Map<string, string>()
    const attempt = <T>(fileName: string, action: () => Promise<T>) => this.#attempt(complaints, fileName, action)
    const images = new Map<string, LibraryImage>()
    const unknown: string[] = []
    const present = new Set(fileNames)
    for (const fileName of index.keys()) if (!present.has(fileName)) this.#dirty = index.delete(fileName) || this.#dirty
    for (const fileName of fileNames) {
      const entry = index.get(fileName)
      const identity = await attempt(fileName, () => this.#identity(fileName))
      if (identity === undefined) continue
      if (entry === undefined || !sameFile(identity, entry)) {
        unknown.push(fileName)
        continue
      }
      const image = await attempt(fileName, () => this.#describe(index, fileName, entry))
      if (image !== undefined) images.set(image.id, image)
    }
    // Until it is hashed again a touched file counts as what it was: an image that vanished for a while would be taken
    // for deleted, and everything made of it thrown away.
    const earlier = new Map(this.images().map((image) => [image.fileName, image]))
    for (const fileName of unknown) {
      const image = earlier.get(fileName)
      if (image !== undefined) images.set(image.id, image)
    }
    this.#images = images
    for (const fileName of unknown) {
      const image = await attempt(fileName, () => this.#hash(index, fileName, signal))
      const before = earlier.get(fileName)
      if (before !== undefined && images.get(before.id) === before) images.delete(before.id)
      if (image !== undefined) images.set(image.id, image)
    }
    this.#complaints = complaints
    if (this.#dirty) await writeIndex(this.#deps.logger, this.#directory, index)
    this.#dirty = false
  }

  async #fileNames(): Promise<string[]> {
    const directory = this.#directory
    let names: string[]
    try {
      names = (await readdir(directory)).filter(isImageFile).sort()
    } catch (error) {
      throw libraryError('SHOAL_LIBRARY_DIRECTORY', { directory, reason: errorMessage(error) }, error)
    }
    if (names.length > MAX_IMAGES) throw libraryError('SHOAL_LIBRARY_TOO_MANY', { directory, limit: MAX_IMAGES })
    return names
  }

  async #identity(fileName: string): Promise<FileIdentity> {
    const stats = await stat(join(this.#directory, fileName), { bigint: true })
    if (!stats.isFile()) throw new Error('it is not a regular file')
    return fileIdentity(stats)
  }

  async #hash(index: Map<string, IndexEntry>, fileName: string, signal?: AbortSignal): Promise<LibraryImage> {
    const path = join(this.#directory, fileName)
    const before = await this.#identity(fileName)
    const hashes = await hashFile(path, signal === undefined ? {} : { signal })
    if (!sameFile(before, await this.#identity(fileName))) throw libraryError('SHOAL_LIBRARY_FILE_CHANGING', { path })
    const now = glanceTime(this.#deps.clock.now())
    const known = index.get(fileName)
    // A file that was only touched or copied keeps its times: its content, and so its id, is the same.
    const isSame = known?.sha512 === hashes.sha512
    const times = isSame
      ? { createdAt: known.createdAt, updatedAt: known.updatedAt }
      : { createdAt: now, updatedAt: now }
    const entry: IndexEntry = { ...before, ...hashes, ...times, description: isSame ? known.description : '' }
    index.set(fileName, entry)
    this.#dirty = true
    return this.#describe(index, fileName, entry)
  }

  /** Joins file and description. Moves `updatedAt` of the entry when the description is another than last time. */
  async #describe(index: Map<string, IndexEntry>, fileName: string, entry: IndexEntry): Promise<LibraryImage> {
    const path = join(this.#directory, fileName)
    const sidecar = await readSidecar(path.slice(0, -extname(path).length).concat('.json'))
    const description = JSON.stringify(sidecar)
    const updatedAt =
      entry.description === '' || entry.description === description
        ? entry.updatedAt
        : glanceTime(this.#deps.clock.now())
    const image: LibraryImage = {
      id: imageId(fileName, entry.sha512),
      fileName,
      identity: { sizeBytes: entry.sizeBytes, mtimeNs: entry.mtimeNs, inode: entry.inode },
      ...(await describeDisk(path, sidecar.disk_format)),
      sha512: entry.sha512,
      md5: entry.md5,
      createdAt: entry.createdAt,
      updatedAt,
      sidecar,
    }
    if (entry.description !== description) {
      index.set(fileName, { ...entry, description, updatedAt })
      this.#dirty = true
    }
    return image
  }

  /** One bad file is logged, once for each fault, and left out; the others go on. */
  async #attempt<T>(complaints: Map<string, string>, fileName: string, action: () => Promise<T>) {
    try {
      return await action()
    } catch (cause) {
      if (cause instanceof Error && cause.name === 'AbortError') throw cause
      const path = join(this.#directory, fileName)
      const isKnown = cause instanceof ShoalError
      const error = isKnown ? cause : libraryError('SHOAL_LIBRARY_FILE', { path, reason: errorMessage(cause) }, cause)
      complaints.set(fileName, error.message)
      if (this.#complaints.get(fileName) !== error.message) {
        this.#deps.logger.warn({ code: error.code, path, reason: error.message }, 'an image file is not offered')
      }
      return undefined
    }
  }
}

/** Glance's time format: whole seconds, UTC. */
function glanceTime(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, 19)}Z`
}
