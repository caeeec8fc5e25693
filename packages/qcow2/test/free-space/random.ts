import { seededRandom } from '@shoal/core'

/** Whole numbers from 0 up to, not with, a bound; the same seed gives the same numbers. */
export function randomIntegers(seed: number): (bound: number) => number {
  const random = seededRandom(seed)
  return (bound) => Math.floor(random() * bound)
}
