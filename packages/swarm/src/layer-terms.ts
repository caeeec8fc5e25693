/** On which terms a node fetches a layer beside others, and gives it. */
export interface LayerTerms {
  /** The highest goes first. */
  readonly priority: number
  /** Among layers of the same priority the lowest goes first. */
  readonly wave: number
  /** Share among those that are equal in both. */
  readonly weight: number
  /** The most that is received of it, reads that somebody waits for aside. 0: nothing is asked for; `null`: no limit. */
  readonly limitBytesPerSecond: number | null
  /** At the beginning of the file, what is fetched before the rest of any layer of the same priority. */
  readonly bootBytes: number
  /** Only what somebody waits for, what will be read soon and the beginning are fetched: the rest waits until this is false. */
  readonly restWaits: boolean
}

export const DEFAULT_LAYER_TERMS: LayerTerms = Object.freeze({
  priority: 50,
  wave: 0,
  weight: 10,
  limitBytesPerSecond: null,
  bootBytes: 0,
  restWaits: false,
})

export function isSameTerms(one: LayerTerms, other: LayerTerms): boolean {
  return TERM_NAMES.every((name) => one[name] === other[name])
}

const TERM_NAMES = Object.keys(DEFAULT_LAYER_TERMS) as (keyof LayerTerms)[]
