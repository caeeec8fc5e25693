import assert from 'node:assert/strict'
import { globSync, readFileSync } from 'node:fs'
import { builtinModules } from 'node:module'
import { dirname, join, relative, resolve } from 'node:path'
import { test } from 'node:test'

/** A package imports packages of lower layers only, never one of its own. A new package gets its place here. */
const LAYERS: readonly (readonly string[])[] = [
  ['core'],
  ['state', 'openstack', 'service', 'qcow2', 'nbd', 'scheduler', 'trust'],
  ['layer-store', 'swarm', 'api', 'library', 'cache', 'planner'],
  ['seed', 'peer'],
  ['cli', 'dashboard'],
]

/** What a package's tests may use beside its own dependencies. */
const TEST_TOOLS = ['fast-check']

const root = join(import.meta.dirname, '..')
const layerOf = new Map(LAYERS.flatMap((names, layer) => names.map((name) => [name, layer] as const)))
const packages = globSync('packages/*/package.json', { cwd: root }).map((path) => path.split('/')[1] ?? '')

interface Import {
  /** The importing file, from the root of the repository. */
  readonly file: string
  readonly specifier: string
  readonly isTypeOnly: boolean
}

const STATEMENT = /^\s*(?:import|export)\b(\s+type\b)?(?:[^'"`;]*?\bfrom)?\s*['"]([^'"]+)['"]/gm
const CALL = /(^)?\bimport(?:\.meta\.resolve)?\(\s*['"]([^'"]+)['"]/g

function importsIn(file: string, source: string): Import[] {
  return [...source.matchAll(STATEMENT), ...source.matchAll(CALL)].map(([, type, specifier = '']) => {
    return { file, specifier, isTypeOnly: type !== undefined && type !== '' }
  })
}

function importsOf(pattern: string): Import[] {
  return globSync(pattern, { cwd: root, exclude: (path) => /(?:^|\/)(?:node_modules|dist)$/.test(path) }).flatMap(
    (file) => importsIn(file, readFileSync(join(root, file), 'utf8')),
  )
}

/** Modules whose types a package writes itself, such as a wire object that webtorrent hands out. */
function declaredTypesOf(name: string): string[] {
  return globSync(`packages/${name}/src/declarations/*.d.ts`, { cwd: root }).flatMap((file) => {
    const source = readFileSync(join(root, file), 'utf8')
    return [...source.matchAll(/^declare module '([^']+)'/gm)].map(([, module = '']) => module)
  })
}

function dependenciesOf(name: string, field: 'dependencies' | 'devDependencies' = 'dependencies'): string[] {
  const manifest = JSON.parse(readFileSync(join(root, 'packages', name, 'package.json'), 'utf8')) as Partial<
    Record<string, Record<string, string>>
  >
  return Object.keys(manifest[field] ?? {})
}

/** `@shoal/state/conformance` is of the package `@shoal/state`, `typebox/value` of `typebox`. */
function packageOf(specifier: string): string {
  return specifier.split('/', specifier.startsWith('@') ? 2 : 1).join('/')
}

function isOutside(specifier: string): boolean {
  const isBuiltin = specifier.startsWith('node:') || builtinModules.includes(specifier)
  return !specifier.startsWith('.') && !isBuiltin
}

function describe(imports: Import[]): string[] {
  return imports.map(({ file, specifier }) => `${file} imports ${specifier}`)
}

test('imports of every form are found, and nothing else is taken for one', () => {
  const source = [
    "import a, { b } from 'one'",
    "import type { c } from 'two'",
    'import {',
    '  d,',
    '  type e,',
    "} from 'three'",
    "import 'four'",
    "export { f } from 'five'",
    "const g = await import('six')",
    "export const h = 'not this'",
    " * import { i } from 'nor this'",
  ].join('\n')
  const found = importsIn('a.ts', source)
  assert.deepEqual(
    found.map(({ specifier }) => specifier),
    ['one', 'two', 'three', 'four', 'five', 'six'],
  )
  assert.deepEqual(
    found.filter(({ isTypeOnly }) => isTypeOnly).map(({ specifier }) => specifier),
    ['two'],
  )
})

test('every package has its place in the table of layers, and the table names no other', () => {
  assert.deepEqual([...layerOf.keys()].sort(), packages.sort())
})

for (const name of packages) {
  const imports = importsOf(`packages/${name}/**/*.{ts,tsx,js}`)

  test(`${name} imports packages of lower layers only`, () => {
    const isLower = (other: string) => (layerOf.get(other) ?? Number.POSITIVE_INFINITY) < (layerOf.get(name) ?? -1)
    const ours = (specifier: string) => (specifier.startsWith('@shoal/') ? specifier.split('/')[1] : undefined)
    const wrong = imports.filter(({ specifier }) => {
      const other = ours(specifier)
      // A package's own tests may name it as its users do.
      return other !== undefined && other !== name && !isLower(other)
    })
    assert.deepEqual(describe(wrong), [])
    const declared = dependenciesOf(name).map(ours)
    assert.deepEqual(
      declared.filter((other) => other !== undefined && !isLower(other)),
      [],
    )
  })

  test(`${name} imports only what its package.json names`, () => {
    const named = [...dependenciesOf(name), `@shoal/${name}`]
    const types = declaredTypesOf(name)
    const wrong = imports.filter(({ file, specifier, isTypeOnly }) => {
      if ((isTypeOnly || file.endsWith('.d.ts')) && types.includes(specifier)) return false
      const isTest = file.startsWith(`packages/${name}/test/`)
      const allowed = isTest ? [...named, ...dependenciesOf(name, 'devDependencies'), ...TEST_TOOLS] : named
      return isOutside(specifier) && !allowed.includes(packageOf(specifier))
    })
    assert.deepEqual(describe(wrong), [])
  })
}

test('no import reaches into a package by path', () => {
  const imports = importsOf('{packages,infra,test,bench}/**/*.{ts,tsx,js}')
  const wrong = imports.filter(({ file, specifier }) => {
    if (!specifier.startsWith('.')) return /^@shoal\/[^/]+\/(?:src|test)\b/.test(specifier)
    const [from, to] = [file, relative(root, resolve(root, dirname(file), specifier))].map(packageFolder)
    return to !== undefined && to !== from
  })
  assert.deepEqual(describe(wrong), [])
})

function packageFolder(path: string): string | undefined {
  return /^packages\/[^/]+/.exec(path)?.[0]
}
