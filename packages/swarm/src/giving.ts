import { plainHost } from './plain-host.ts'

/** A node from which nothing is taken. */
export interface RefusedSource {
  /** The name that it gives itself. */
  readonly node: string
  /** Its address, if nobody else has it. */
  readonly host: string | null
}

/** Whom this daemon takes blocks from, and whether it gives any: what operators say of it and of others. */
export class Giving {
  #isGiving = true
  #nodes: ReadonlySet<string> = new Set()
  #hosts: ReadonlySet<string> = new Set()

  /** Whether others are given anything. */
  get isGiving(): boolean {
    return this.#isGiving
  }

  /** False when it was so before. */
  setGiving(isGiving: boolean): boolean {
    const isOther = isGiving !== this.#isGiving
    this.#isGiving = isGiving
    return isOther
  }

  setRefused(refused: readonly RefusedSource[]): void {
    this.#nodes = new Set(refused.map(({ node }) => node))
    this.#hosts = new Set(refused.flatMap(({ host }) => (host === null ? [] : [plainHost(host)])))
  }

  /** Whether nothing is taken from somebody who is at this address and gives itself this name, if it said one yet. */
  isRefused(host: string, node: string | undefined): boolean {
    return this.isRefusedHost(host) || (node !== undefined && this.#nodes.has(node))
  }

  isRefusedHost(host: string): boolean {
    return this.#hosts.has(host)
  }
}
