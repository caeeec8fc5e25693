/** `auth_url` comes with and without the version, and from old times with `v2.0`. */
export function versionedUrl(authUrl: string): string {
  const base = authUrl.replace(/\/+$/, '').replace(/\/v2\.0$/, '')
  return base.endsWith('/v3') ? base : `${base}/v3`
}
