import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { promisify } from 'node:util'
import { HEAD_BYTES, inspectImage } from '../../src/inspect/index.ts'
import { fuzzCase } from './fuzz/fuzz-case.ts'
import { glanceRefuses } from './glance-verdicts.ts'
import { hostileCorpus } from './hostile-corpus.ts'
import { MemoryAccess } from './memory-access.ts'

const run = promisify(execFile)
const limits = { maxImageBytes: 1024 ** 4, maxVirtualBytes: 2 * 1024 ** 4 }
const QEMU_TIMEOUT_MS = 30_000
/** What qemu-img check exits with when it has found nothing, or only clusters that are counted and not used. */
const SOUND = [0, 3]
const FUZZED = 600

type Judged = {
  readonly name: string
  readonly path: string
  readonly format: 'raw' | 'qcow2'
  readonly code: string | null
}

async function writeCorpus(directory: string): Promise<Judged[]> {
  const files = hostileCorpus()
  for (const [index, { bytes }] of files.entries()) await writeFile(join(directory, `${index}`), bytes)
  return files.map(({ name, format, code }, index) => ({ name, format, code, path: join(directory, `${index}`) }))
}

test('OpenStack and QEMU on the hostile corpus', async (t) => {
  const directory = await mkdtemp(join(tmpdir(), 'shoal-hostile-'))
  t.after(() => rm(directory, { recursive: true, force: true }))
  const files = await writeCorpus(directory)
  const refused = await glanceRefuses(files)

  await t.test('whatever Glance refuses is refused here', () => {
    const wrong = files.filter(({ code }, index) => refused[index] && code === null)
    assert.deepEqual(wrong, [])
  })

  await t.test('where Glance accepts what is refused here, docs/image-safety.md says so', async () => {
    const told = await documented()
    const found = new Map<string, Set<boolean>>()
    files.forEach(({ code }, index) => {
      if (code !== null) found.set(code, (found.get(code) ?? new Set()).add(refused[index] === true))
    })
    const words = [...found].map(([code, verdicts]) => [code, wordOf(verdicts)] as const)
    assert.deepEqual(new Map(words.sort()), new Map([...told].filter(([code]) => found.has(code)).sort()))
  })

  await t.test(
    'whatever qemu-img cannot open or finds corrupt is refused here, and what is accepted is sound',
    async () => {
      const wrong: string[] = []
      // A few at a time: each is a process.
      const waiting = [...files]
      const worker = async () => {
        for (let file = waiting.pop(); file !== undefined; file = waiting.pop()) {
          const { name, path, format, code } = file
          if (code === null && !(await isSound(path, format))) wrong.push(name)
        }
      }
      await Promise.all([worker(), worker(), worker(), worker()])
      assert.deepEqual(wrong, [])
    },
  )
})

test('Glance refuses no mutated image that is accepted here', async (t) => {
  const directory = await mkdtemp(join(tmpdir(), 'shoal-mutated-'))
  t.after(() => rm(directory, { recursive: true, force: true }))
  const files: Judged[] = []
  for (let seed = 1; seed <= FUZZED; seed += 1) {
    const path = join(directory, `${seed}`)
    const { bytes, format, undo } = fuzzCase(seed)
    const source = new MemoryAccess(bytes)
    const { isAccepted } = await inspectImage(source, { format, sizeBytes: source.sizeBytes }, limits)
    // Glance reads no more than this of a qcow2 or a raw image.
    await writeFile(path, bytes.subarray(0, HEAD_BYTES))
    undo()
    files.push({ name: `seed ${seed}`, path, format, code: isAccepted ? null : 'refused' })
  }
  const refused = await glanceRefuses(files)
  assert.ok(refused.some(Boolean) && files.some(({ code }) => code === null), 'there are some of both kinds')
  assert.deepEqual(
    files.filter(({ code }, index) => refused[index] && code === null),
    [],
  )
})

async function isSound(path: string, format: string): Promise<boolean> {
  const commands = [
    ['info', '--output=json', '-f', format, path],
    ...(format === 'raw' ? [] : [['check', '-q', '-f', format, path]]),
  ]
  for (const command of commands) {
    const exit = await run('qemu-img', command, { timeout: QEMU_TIMEOUT_MS }).then(
      () => 0,
      (error: { code?: unknown }) => error.code,
    )
    if (!SOUND.some((code) => code === exit)) return false
  }
  return true
}

function wordOf(verdicts: ReadonlySet<boolean>): string {
  if (verdicts.size === 2) return 'some'
  return verdicts.has(true) ? 'refuses' : 'accepts'
}

/** Codes of the table in docs/image-safety.md, with the first word of what it says of Glance. */
async function documented(): Promise<Map<string, string>> {
  const text = await readFile(new URL('../../../../docs/image-safety.md', import.meta.url), 'utf8')
  const rows = [...text.matchAll(/^\|[^|]*\| `(SHOAL_IMAGE_\w+)` \|.*\| (\w+)[^|]*\|$/gm)]
  return new Map(rows.map(([, code = '', word = '']) => [code, word]))
}
