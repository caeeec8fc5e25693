import type { BlockDevice, Export, ExportEntry, Exports } from '@shoal/nbd'

/** A device under a name. */
export interface NamedDevice extends ExportEntry {
  readonly device: BlockDevice
}

/** What the socket of one boot offers: its disk, which is the default, and the files of its layers. */
export class BootExports implements Exports {
  readonly #devices: ReadonlyMap<string, NamedDevice>
  readonly #disk: NamedDevice
  #used = 0

  constructor(disk: NamedDevice, layers: readonly NamedDevice[] = []) {
    this.#disk = disk
    this.#devices = new Map([disk, ...layers].map((entry) => [entry.name, entry]))
  }

  /** Connections that use one of them. */
  get usedCount(): number {
    return this.#used
  }

  async find(name: string): Promise<Export | undefined> {
    const found = name === '' ? this.#disk : this.#devices.get(name)
    if (found === undefined) return undefined
    this.#used += 1
    return {
      ...found,
      release: () => {
        this.#used -= 1
      },
    }
  }

  async list(): Promise<readonly ExportEntry[]> {
    return [...this.#devices.values()].map(({ name, description }) => ({ name, description }))
  }
}
