/** Layers that the seed reads from the library: one after the other, each once and from begin to end. */
export class LibraryQueue {
  readonly #unread: Float64Array
  readonly #queue: number[] = []
  #readBytes = 0

  constructor(unreadBytes: Float64Array) {
    this.#unread = unreadBytes.slice()
  }

  get readBytes(): number {
    return this.#readBytes
  }

  /** The seed serves a layer when all of it is read, for only then is it verified. */
  isReady(layer: number): boolean {
    return (this.#unread[layer] ?? 0) <= 0
  }

  want(layer: number): void {
    if (!this.isReady(layer) && !this.#queue.includes(layer)) this.#queue.push(layer)
  }

  /** Until the next layer is ready; infinite when none is being read. */
  secondsToNext(bytesPerSecond: number): number {
    const [layer] = this.#queue
    if (layer === undefined) return Number.POSITIVE_INFINITY
    return (this.#unread[layer] ?? 0) / bytesPerSecond
  }

  /** Never over the end of a layer: the caller stops at `secondsToNext`. */
  read(seconds: number, bytesPerSecond: number): void {
    const [layer] = this.#queue
    if (layer === undefined) return
    const left = this.#unread[layer] ?? 0
    const isLast = seconds >= this.secondsToNext(bytesPerSecond) * (1 - 1e-12)
    const bytes = isLast ? left : seconds * bytesPerSecond
    this.#readBytes += bytes
    this.#unread[layer] = left - bytes
    if (isLast) this.#queue.shift()
  }
}
