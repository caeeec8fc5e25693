import type { Static, TObject } from 'typebox'
import { asConfigSchema, configFields } from './config-field.ts'
import { readConfigFile } from './config-file.ts'
import { type ConfigFault, type ConfigSetting, environmentSource, flagSource, objectSource } from './config-source.ts'
import { validateConfig } from './config-validation.ts'
import { serviceError } from './errors.ts'

/** Defaults may leave out what has none. */
export type ConfigDefaults<T> = T extends readonly unknown[]
  ? T
  : T extends object
    ? { readonly [K in keyof T]?: ConfigDefaults<T[K]> }
    : T

export interface LoadConfigOptions<S extends TObject> {
  /** The one place with default values. */
  defaults: ConfigDefaults<Static<S>>
  /** Path of a YAML or JSON file. */
  file?: string | undefined
  env: NodeJS.ProcessEnv
  /** Prefix of the environment variables, for example `SHOAL_SEED`. */
  envPrefix: string
  /** Variables with the prefix that are not settings; `<prefix>_CONFIG`, the path of the file, always is allowed. */
  envAllowed?: readonly string[]
  /** Flags by dotted key, for example `{ 'listen.port': '7460' }`; `undefined` means that the flag was not given. */
  flags?: Readonly<Record<string, unknown>>
  /** What the configuration belongs to, as messages name it. */
  argvName: string
}

/**
 * Loads a service's configuration: flag over environment over file over default. The result is frozen.
 * Throws `SHOAL_CONFIG_INVALID`, which lists every fault at once, and `SHOAL_CONFIG_FILE`.
 */
export function loadConfig<S extends TObject>(schema: S, options: LoadConfigOptions<S>): Readonly<Static<S>> {
  const root = asConfigSchema(schema)
  const fields = configFields(schema)
  const file = options.file === undefined ? undefined : readConfigFile(options.file)
  const allowed = [`${options.envPrefix}_CONFIG`, ...(options.envAllowed ?? [])]
  const sources = [
    objectSource(options.defaults, root, 'default'),
    objectSource(file?.value ?? {}, root, options.file ?? 'file'),
    environmentSource(options.env, fields, { prefix: options.envPrefix, allowed }),
    flagSource(options.flags ?? {}, fields),
  ]
  const config: Record<string, unknown> = {}
  const sourceOf = new Map<string, string>()
  for (const setting of sources.flatMap((source) => source.settings)) {
    place(config, setting)
    sourceOf.set(setting.path.join('.'), setting.source)
  }
  const faults = [
    ...(file?.faults ?? []),
    ...sources.flatMap((source) => source.faults),
    ...validateConfig(schema, config, sourceOf),
  ]
  if (faults.length > 0) throw invalid(options.argvName, faults)
  return freeze(config as Static<S>)
}

function place(config: Record<string, unknown>, { path, value }: ConfigSetting): void {
  let group = config
  for (const key of path.slice(0, -1)) {
    group[key] ??= {}
    group = group[key] as Record<string, unknown>
  }
  const last = path.at(-1)
  if (last !== undefined) group[last] = structuredClone(value)
}

function invalid(name: string, faults: readonly ConfigFault[]) {
  const lines = faults.map(({ path, problem }) => `  - ${path} ${problem}`).join('\n')
  return serviceError('SHOAL_CONFIG_INVALID', { name, count: faults.length, faults: lines })
}

function freeze<T>(value: T): T {
  if (typeof value !== 'object' || value === null) return value
  for (const child of Object.values(value)) freeze(child)
  return Object.freeze(value)
}
