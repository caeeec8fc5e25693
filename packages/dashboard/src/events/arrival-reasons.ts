import type { ArrivalReason } from '@shoal/api'

/** Why a piece came from where it came from, for people. */
export const ARRIVAL_WORDS: Readonly<Record<ArrivalReason, string>> = {
  demanded: 'a VM waited for it: asked of whoever would be the quickest',
  raced: 'who was asked first was late, so that a second one was asked too',
  origin: 'no node had it: the seed gave it',
  near: 'a node of the same rack had it; the rarest go first',
  turn: 'no node of the rack had it: this node fetched it for the rack',
  rarest: 'of one that does not say in which rack it is; the rarest go first',
}
