import { type ErrorTable, errorFactory } from '@shoal/core'

/** Error codes of `cache`. */
export const cacheErrors = {
  SHOAL_CACHE_POLICY_UNKNOWN: {
    message: 'There is no replacement policy {name}.',
    hint: 'Take one of {names}.',
  },
  SHOAL_CACHE_FULL: {
    message:
      '{neededBytes} bytes for {what} do not fit: the limit is {limitBytes} bytes, and {keptBytes} of them may not be evicted ({keptBy}).',
    hint: 'Unpin what is not needed any more (shoal cache list shows who holds what), raise cache.maxBytes, or give the node a larger disk.',
  },
  SHOAL_CACHE_TOO_LARGE: {
    message: '{neededBytes} bytes for {what} are more than the {limitBytes} bytes that this node may take at all.',
    hint: 'Raise cache.maxBytes or cache.maxShare, or lower cache.minFreeBytes; otherwise keep the image off this node.',
  },
  SHOAL_CACHE_PINNED: {
    message: 'The layer {digest} is held by {owners} and is not evicted.',
    hint: 'End its use, or remove the pin: shoal cache unpin.',
  },
  SHOAL_CACHE_LAYER_UNKNOWN: {
    message: 'This node does not hold the layer {digest}.',
    hint: 'shoal cache list shows what it holds.',
  },
  SHOAL_CACHE_PIN_UNKNOWN: {
    message: 'The layer {digest} has no pin of {owner}.',
    hint: 'shoal cache list shows every pin with its owner.',
  },
} as const satisfies ErrorTable

export const cacheError = errorFactory(cacheErrors)
