import { rm, writeFile } from 'node:fs/promises'
import { dirname, posix } from 'node:path'
import type { SourceFile } from './image-content.ts'
import { runTool } from './system-tool.ts'

/** Commands of debugfs that write files under their paths in the image, whose directories are not there yet. */
export function writeCommands(files: readonly SourceFile[]): string[] {
  const directories = new Set<string>()
  for (const { imagePath } of files) {
    for (let path = dirname(imagePath); path !== posix.sep; path = dirname(path)) directories.add(path)
  }
  return [
    ...[...directories].sort().map((path) => `mkdir "${path}"`),
    ...files.map(({ path, imagePath }) => `write "${path}" "${imagePath}"`),
  ]
}

/** Changes the ext4 file system of a raw disk in place by commands of debugfs: what is not touched keeps its blocks. */
export async function changeFileSystem(
  disk: string,
  commands: readonly string[],
  { offsetBytes, signal }: { offsetBytes: number; signal?: AbortSignal | undefined },
): Promise<void> {
  const file = `${disk}.commands`
  await writeFile(file, `${commands.join('\n')}\n`)
  try {
    const said = await runTool('debugfs', ['-w', '-f', file, `${disk}?offset=${offsetBytes}`], { signal })
    // Its exit code tells nothing; after its version it says only what went wrong.
    const errors = said.split('\n').filter((line) => line !== '' && !/^debugfs \d/.test(line))
    if (errors.length > 0) throw new Error(`debugfs could not change ${disk}: ${errors.slice(0, 3).join('; ')}`)
  } finally {
    await rm(file, { force: true })
  }
}
