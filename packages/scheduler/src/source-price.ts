/** Where the nearest whole copy of a layer is, as seen from a node. */
export type NearestCopy = 'rack' | 'zone' | 'elsewhere' | 'seed'

/**
 * What a byte that has to be moved costs by what it crosses, in bytes from the seed: a rack's own switch is idle, its
 * uplink shared by the rack, the seed's link shared by all. They are close to each other: a node that holds half of an
 * image should come before one that holds nothing in a rack that has all of it (bench/scheduling).
 */
export const SOURCE_PRICES: Readonly<Record<NearestCopy, number>> = { rack: 0.7, zone: 0.8, elsewhere: 0.85, seed: 1 }
