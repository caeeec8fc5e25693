import { openstackError } from './errors.ts'

/**
 * Throws `SHOAL_CLOUD_CONFIG` unless the text is an http or https address. Addresses are logged and shown, so one that
 * holds a user or password is refused; the text itself stays out of the message for the same reason.
 */
export function checkAddress(text: string, { source, name }: { source: string; name: string }): void {
  const url = URL.parse(text)
  const fault = (reason: string) => openstackError('SHOAL_CLOUD_CONFIG', { source, reason: `${name} ${reason}` })
  if (url === null || !/^https?:$/.test(url.protocol)) throw fault('is not an http or https address')
  if (url.username !== '' || url.password !== '') {
    throw fault('holds a user or password, which belong in settings of their own')
  }
}
