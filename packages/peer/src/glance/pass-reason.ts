/** Why a download is answered by Glance itself, with bytes that come from there. */
export const PASS_REASONS = [
  // Not a plain request for all of an image, or not one that Glance answers with data.
  'not-plain',
  'not-active',
  'not-admitted',
  // The seed has no layer with these bytes, or refuses it.
  'no-layer',
  'other-bytes',
  'refused',
  // It cannot be had now.
  'seed-away',
  'layer-failed',
  'withdrawn',
  'late',
  'fault',
] as const

export type PassReason = (typeof PASS_REASONS)[number]
