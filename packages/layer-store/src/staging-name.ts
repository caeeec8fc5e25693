const STAGING_NAME = /^[A-Za-z0-9_][A-Za-z0-9_.-]{0,199}$/

/** Throws a TypeError unless the name is safe as a file name. */
export function checkStagingName(name: string): string {
  if (!STAGING_NAME.test(name)) throw new TypeError(`staging name ${JSON.stringify(name).slice(0, 100)}`)
  return name
}
