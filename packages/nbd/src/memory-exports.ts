import type { BlockDevice } from './block-device.ts'
import type { Export, ExportEntry, Exports } from './exports.ts'

/** Exports in memory. The one that was added first is the default. */
export class MemoryExports implements Exports {
  readonly #devices = new Map<string, { readonly device: BlockDevice; readonly description: string }>()
  #usedCount = 0

  /** Exports that were found and not released. */
  get usedCount(): number {
    return this.#usedCount
  }

  add(name: string, device: BlockDevice, description = ''): this {
    this.#devices.set(name, { device, description })
    return this
  }

  find(name: string): Promise<Export | undefined> {
    const [first] = this.#devices.keys()
    const chosen = name === '' ? first : name
    const found = chosen === undefined ? undefined : this.#devices.get(chosen)
    if (chosen === undefined || found === undefined) return Promise.resolve(undefined)
    this.#usedCount += 1
    const release = () => {
      this.#usedCount -= 1
    }
    return Promise.resolve({ name: chosen, ...found, release })
  }

  list(): Promise<ExportEntry[]> {
    return Promise.resolve([...this.#devices].map(([name, { description }]) => ({ name, description })))
  }
}
