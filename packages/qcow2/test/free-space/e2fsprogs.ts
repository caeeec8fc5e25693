import { execFile } from 'node:child_process'
import { mkdir, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

const MAX_OUTPUT = 256 * 1024 * 1024
/** The tools live where not every user's PATH leads. */
const env = { ...process.env, PATH: `${process.env.PATH}:/usr/sbin:/sbin`, LC_ALL: 'C' }

/** Runs a tool of e2fsprogs and gives what it prints. */
export function e2fs(tool: string, args: readonly string[], input = ''): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = execFile(tool, [...args], { env, maxBuffer: MAX_OUTPUT }, (error, stdout) => {
      if (error === null) resolve(stdout)
      else reject(error)
    })
    // One that has ended already says why by its exit.
    child.stdin?.on('error', () => {}).end(input)
  })
}

/** How a file system is made. */
export interface Recipe {
  readonly type: 'ext2' | 'ext3' | 'ext4'
  readonly sizeBytes: number
  readonly options: readonly string[]
  /** A directory that it is filled from. */
  readonly tree?: string
}

/** Makes a file system in a file. */
export async function makeFileSystem(file: string, { type, sizeBytes, options, tree }: Recipe): Promise<void> {
  await writeFile(file, '')
  await truncate(file, sizeBytes)
  await e2fs('mke2fs', ['-q', '-F', '-t', type, ...options, ...(tree === undefined ? [] : ['-d', tree]), file])
}

/** Runs commands of debugfs, which may write unless told otherwise. What it prints does not begin with its prompt. */
export async function debugfs(file: string, commands: readonly string[], options = ['-w']): Promise<string[]> {
  const output = await e2fs('debugfs', [...options, '-f', '-', file], `${commands.join('\n')}\n`)
  return output.split('\n').filter((line) => line !== '' && !line.startsWith('debugfs'))
}

/** What dumpe2fs says of a file system's free space. */
export interface Dump {
  readonly blockBytes: number
  /** From the superblock. */
  readonly freeBytes: number
  /** From the bitmaps, joined. */
  readonly ranges: readonly { readonly start: number; readonly length: number }[]
}

export async function dumpFree(file: string): Promise<Dump> {
  const output = await e2fs('dumpe2fs', [file])
  const value = (name: string) => Number(new RegExp(`^${name}: +(\\d+)`, 'm').exec(output)?.[1])
  const blockBytes = value('Block size')
  // Of a file system with clusters it lists the first block of each.
  const clusterBlocks = /^Cluster size/m.test(output) ? value('Cluster size') / blockBytes : 1
  const ranges: { start: number; length: number }[] = []
  for (const [, list = ''] of output.matchAll(/^ {2}Free blocks: (.*)$/gm)) {
    for (const item of list.split(', ').filter((text) => text !== '')) {
      const [from = 0, to = from] = item.split('-').map(Number)
      const start = from * blockBytes
      const length = (to - from + clusterBlocks) * blockBytes
      const last = ranges.at(-1)
      if (last !== undefined && last.start + last.length === start) last.length += length
      else ranges.push({ start, length })
    }
  }
  return { blockBytes, freeBytes: value('Free blocks') * blockBytes, ranges }
}

/** Fills a directory with files of many sizes, some in deeper directories. Gives their paths within it. */
export async function plantTree(tree: string): Promise<string[]> {
  const paths: string[] = []
  for (let index = 0; index < 90; index += 1) {
    const folder = index % 3 === 0 ? '' : `folder-${index % 5}`
    await mkdir(join(tree, folder), { recursive: true })
    // From a few bytes, which inline data holds, to a few hundred blocks. Zeros would become holes.
    const sizeBytes = index % 4 === 0 ? 20 + index : (index * 7919) % 150_000
    const path = join(folder, `file-${index}`)
    await writeFile(join(tree, path), Buffer.alloc(sizeBytes, `content of file ${index}`))
    paths.push(path)
  }
  return paths
}
