import { homedir } from 'node:os'
import { join } from 'node:path'
import type { AuthMethod, AuthScope, CloudAuth, DomainRef, EndpointInterface, UserRef } from './cloud-auth.ts'
import { type CloudFiles, merge, readCloudFiles, type Settings, section } from './cloud-files.ts'
import { openstackError } from './errors.ts'
import { Secret } from './secret.ts'
import { checkAddress } from './service-address.ts'

export interface ReadCloudAuthOptions {
  env: NodeJS.ProcessEnv
  /** Name of a cloud of `clouds.yaml`; default `OS_CLOUD`. */
  cloud?: string | undefined
  /** Directories to look in for `clouds.yaml`, in place of openstacksdk's. */
  searchPaths?: readonly string[] | undefined
}

/** Variables that choose among clouds; alone they do not make one. */
const SELECTORS = new Set([
  'OS_CLOUD',
  'OS_REGION_NAME',
  'OS_CLIENT_CONFIG_FILE',
  'OS_CLIENT_SECURE_FILE',
  'OS_CLOUD_NAME',
])
const NOT_SETTINGS = /^OS_(TEST|STD|LOG)/

/**
 * Reads which cloud to use and as whom, with openstacksdk's precedence: a cloud named by `cloud` or `OS_CLOUD`, else
 * the `OS_*` variables, else the only cloud of `clouds.yaml`. Throws `SHOAL_CLOUD_CONFIG`.
 */
export function readCloudAuth(options: ReadCloudAuthOptions): CloudAuth {
  const { env } = options
  const files = readCloudFiles(env, options.searchPaths)
  const { source, settings } = chooseCloud(options, files)
  return new CloudReader(source, settings, env).read()
}

function chooseCloud({ env, cloud }: ReadCloudAuthOptions, files: CloudFiles): { source: string; settings: Settings } {
  const variables = Object.keys(env).filter((name) => name.startsWith('OS_') && !NOT_SETTINGS.test(name))
  const hasVariables = variables.some((name) => !SELECTORS.has(name))
  const envName = env.OS_CLOUD_NAME || 'envvars'
  const names = Object.keys(files.clouds)
  const wanted = cloud ?? (env.OS_CLOUD || (hasVariables ? envName : names.length === 1 ? names[0] : undefined))
  if (wanted === envName && hasVariables) {
    const settings: Settings = {}
    for (const name of variables) settings[name.slice('OS_'.length).toLowerCase()] = env[name]
    return { source: 'the OS_* variables', settings }
  }
  const source = files.path ?? 'no clouds.yaml found'
  if (wanted === undefined) {
    const reason = names.length === 0 ? 'no cloud is configured' : `choose one of the clouds ${names.join(', ')}`
    throw openstackError('SHOAL_CLOUD_CONFIG', { source, reason })
  }
  if (!Object.hasOwn(files.clouds, wanted)) {
    const known = names.length === 0 ? 'there is none' : `there are ${names.join(', ')}`
    throw openstackError('SHOAL_CLOUD_CONFIG', { source, reason: `it has no cloud "${wanted}"; ${known}` })
  }
  const own = section(files.clouds, wanted)
  const profile = own.profile ?? own.cloud
  const vendor = typeof profile === 'string' ? section(files.profiles, profile) : {}
  // OS_REGION_NAME chooses among the regions of a named cloud, as with `openstack --os-cloud`.
  const region = env.OS_REGION_NAME ? { region_name: env.OS_REGION_NAME } : {}
  return { source: `${source}, cloud ${wanted}`, settings: merge(merge(vendor, own), region) }
}

/** Turns one cloud's settings, whatever the age of their spelling, into what the session needs. */
class CloudReader {
  readonly #source: string
  readonly #values = new Map<string, string>()
  readonly #home: string

  constructor(source: string, settings: Settings, env: NodeJS.ProcessEnv) {
    this.#source = source
    this.#home = env.HOME ?? homedir()
    const { regions } = settings
    const first = Array.isArray(regions) ? regions[0] : undefined
    const region = typeof first === 'object' ? first.name : first
    if (typeof region === 'string') this.#values.set('region_name', region)
    // Within `auth` a setting wins over the same one outside of it.
    for (const part of [settings, section(settings, 'auth')]) {
      for (const [name, value] of Object.entries(part)) {
        if (typeof value === 'string' && value !== '') this.#values.set(name.replaceAll('-', '_'), value)
      }
    }
  }

  read(): CloudAuth {
    const imageEndpoint = this.#get('image_endpoint_override')
    return {
      source: this.#source,
      method: this.#method(),
      region: this.#get('image_region_name', 'region_name') ?? null,
      interface: this.#interface(),
      tls: {
        caFile: this.#path('cacert'),
        certFile: this.#path('cert'),
        keyFile: this.#path('key'),
        verify: !this.#isTrue('insecure') && !this.#isFalse('verify'),
      },
      imageEndpoint: imageEndpoint === undefined ? null : this.#url(imageEndpoint, 'image_endpoint_override'),
    }
  }

  #method(): AuthMethod {
    const type = this.#authType()
    switch (type) {
      case 'password':
      case 'v3password':
        return {
          type: 'password',
          authUrl: this.#authUrl(),
          user: this.#user(),
          password: new Secret(this.#require('password')),
          scope: this.#scope(),
        }
      case 'v3applicationcredential': {
        const id = this.#get('application_credential_id')
        return {
          type: 'application-credential',
          authUrl: this.#authUrl(),
          credential:
            id === undefined ? { name: this.#require('application_credential_name'), user: this.#user() } : { id },
          secret: new Secret(this.#require('application_credential_secret')),
        }
      }
      case 'token':
      case 'v3token':
        return {
          type: 'token',
          authUrl: this.#authUrl(),
          token: new Secret(this.#require('token', 'auth_token')),
          scope: this.#scope(),
        }
      case 'none':
      case 'admin_token': {
        const token = this.#get('token', 'auth_token')
        const endpoint = this.#url(this.#require('endpoint', 'url', 'image_endpoint_override'), 'endpoint')
        return { type: 'none', endpoint, token: token === undefined ? null : new Secret(token) }
      }
      default:
        throw this.#fault(
          `auth_type ${type} is not supported; use password, v3applicationcredential, token, admin_token or none`,
        )
    }
  }

  #authType(): string {
    const given = this.#get('auth_type', 'auth_plugin')
    if (given === undefined) {
      if (this.#get('application_credential_secret') !== undefined) return 'v3applicationcredential'
      if (this.#get('token', 'auth_token') !== undefined && this.#get('password') === undefined) return 'token'
      return 'password'
    }
    if (['none', 'null', '~'].includes(given.toLowerCase())) return 'none'
    return given === 'token_endpoint' ? 'admin_token' : given
  }

  #user(): UserRef {
    const id = this.#get('user_id')
    if (id !== undefined) return { id }
    return { name: this.#require('username', 'user_name'), domain: this.#domain('user_') }
  }

  #scope(): AuthScope {
    const trust = this.#get('trust_id')
    if (trust !== undefined) return { trust }
    if (this.#get('system_scope') === 'all') return { system: 'all' }
    const id = this.#get('project_id', 'tenant_id')
    if (id !== undefined) return { project: { id } }
    const name = this.#get('project_name', 'tenant_name')
    if (name !== undefined) return { project: { name, domain: this.#domain('project_') } }
    return this.#get('domain_id', 'domain_name') === undefined ? null : { domain: this.#domain('') }
  }

  /** A domain given once counts for user and project; given nowhere it is "default", as for the openstack client. */
  #domain(prefix: 'user_' | 'project_' | ''): DomainRef {
    for (const which of [prefix, '', 'default_']) {
      const id = this.#get(`${which}domain_id`)
      if (id !== undefined) return { id }
      const name = this.#get(`${which}domain_name`)
      if (name !== undefined) return { name }
    }
    return { id: this.#get('default_domain') ?? 'default' }
  }

  #interface(): EndpointInterface {
    const given = this.#get('image_interface', 'interface', 'endpoint_type') ?? 'public'
    const name = given.replace(/URL$/, '')
    if (name === 'public' || name === 'internal' || name === 'admin') return name
    throw this.#fault(`interface ${given} is not public, internal or admin`)
  }

  #authUrl(): string {
    const template = this.#require('auth_url')
    const url = template.replace(/\{(\w+)\}/g, (whole, name: string) => this.#get(name) ?? whole)
    return this.#url(url, 'auth_url')
  }

  #url(text: string, name: string): string {
    checkAddress(text, { source: this.#source, name })
    return text
  }

  #path(name: string): string | null {
    const path = this.#get(name)
    if (path === undefined) return null
    return path.startsWith('~/') ? join(this.#home, path.slice(2)) : path
  }

  #isTrue(name: string): boolean {
    return /^(true|yes|on|1)$/i.test(this.#get(name) ?? '')
  }

  #isFalse(name: string): boolean {
    return /^(false|no|off|0)$/i.test(this.#get(name) ?? '')
  }

  #get(...names: string[]): string | undefined {
    for (const name of names) if (this.#values.has(name)) return this.#values.get(name)
    return undefined
  }

  #require(name: string, ...others: string[]): string {
    const value = this.#get(name, ...others)
    if (value === undefined) throw this.#fault(`${name} is missing`)
    return value
  }

  #fault(reason: string) {
    return openstackError('SHOAL_CLOUD_CONFIG', { source: this.#source, reason })
  }
}
