import { globSync } from 'node:fs'
import { readFile } from 'node:fs/promises'

/** Debian's name of the system that goes into the guests. */
const SUITE = 'bookworm'
const KEYRING = '/usr/share/keyrings/debian-archive-keyring.gpg'

interface Source {
  readonly uri: string
  readonly suites: readonly string[]
  readonly components: readonly string[]
}

/**
 * Lines of a sources.list for the guests: Debian 12 and its security updates, from the mirrors that this machine uses itself.
 * Rejects when it uses none.
 */
export async function guestAptSources(): Promise<string[]> {
  const paths = globSync('/etc/apt/{sources.list,sources.list.d/*.list,sources.list.d/*.sources}').sort()
  const sources: Source[] = []
  for (const path of paths) {
    const text = await readFile(path, 'utf8')
    sources.push(...(path.endsWith('.sources') ? parseStanzas(text) : parseLines(text)))
  }
  const codename = /^VERSION_CODENAME=(\w+)$/m.exec(await readFile('/etc/os-release', 'utf8'))?.[1]
  const mirror = (suffix: string) =>
    sources.find(({ suites, components }) => suites.includes(`${codename}${suffix}`) && components.includes('main'))
      ?.uri
  const archive = mirror('')
  if (archive === undefined)
    throw new Error('apt on this machine has no source of Debian packages: see sources.list(5)')
  const security = mirror('-security')
  const line = (uri: string, suite: string) => `deb [signed-by=${KEYRING}] ${uri} ${suite} main`
  return [line(archive, SUITE), ...(security === undefined ? [] : [line(security, `${SUITE}-security`)])]
}

/** The format of one line a source: `deb [options] uri suite component...`. */
function parseLines(text: string): Source[] {
  return text.split('\n').flatMap((line) => {
    const [, uri = '', suite = '', components = ''] =
      /^deb\s+(?:\[[^\]]*\]\s+)?(\S+)\s+(\S+)\s+([^#]+)/.exec(line) ?? []
    return uri === '' ? [] : [{ uri, suites: [suite], components: components.trim().split(/\s+/) }]
  })
}

/** The format of stanzas, deb822. */
function parseStanzas(text: string): Source[] {
  const withoutComments = text.replaceAll(/^#.*\n/gm, '')
  return withoutComments.split(/\n\s*\n/).flatMap((stanza) => {
    const field = (name: string) => {
      const value = new RegExp(`^${name}:(.*(?:\\n[ \\t].*)*)`, 'im').exec(stanza)?.[1] ?? ''
      return value.split(/\s+/).filter((word) => word !== '')
    }
    if (!field('Types').includes('deb') || field('Enabled')[0] === 'no') return []
    return field('URIs').map((uri) => ({ uri, suites: field('Suites'), components: field('Components') }))
  })
}
