/** Glance serves each minor version it knows under a path of its own. */
const DOWNLOAD = /^\/v2(?:\.\d{1,2})?\/images\/([0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})\/file$/

/**
 * The image whose data a request asks for, if it is as plain as all clients ask; anything else is Glance's to
 * understand.
 */
export function downloadedImage(method: string, url: string): string | undefined {
  return method === 'GET' ? DOWNLOAD.exec(url)?.[1] : undefined
}
