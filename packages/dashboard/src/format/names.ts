/** Enough of a digest to tell layers apart. */
export function shortDigest(digest: string): string {
  return digest.replace('sha256:', '').slice(0, 12)
}

/** Zone and rack in one word. */
export function placeName({ zone, rack }: { readonly zone: string; readonly rack: string }): string {
  return [zone, rack].filter((part) => part !== '').join(' / ') || 'no rack'
}
