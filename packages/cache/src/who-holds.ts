import type { Digest } from '@shoal/core'
import { type HeldLayer, needsBase } from './held-layer.ts'

/** For people, why each layer may not go: whoever holds it, or holds what is above it. Empty for those that may. */
export function whoHolds(layers: readonly HeldLayer[]): Map<Digest, string[]> {
  const holders = new Map(layers.map((layer) => [layer.digest, new Set(directHolders(layer))]))
  for (const layer of layers) {
    if (layer.base === null || !needsBase(layer)) continue
    for (const holder of directHolders(layer)) holders.get(layer.base)?.add(holder)
  }
  return new Map([...holders].map(([digest, names]) => [digest, [...names]]))
}

function directHolders({ digest, pins, isBusy }: HeldLayer): string[] {
  const owners = pins.map(({ owner }) => owner)
  return isBusy ? [...owners, `${digest}, which is needed right now`] : owners
}
