import { execFile } from 'node:child_process'
import { join } from 'node:path'

/** The real Glance is Debian's, and so is its Python. */
const PYTHON = '/usr/bin/python3'

/** Whether the inspector of the real Glance refuses each of these files. */
export function glanceRefuses(files: readonly { path: string; format: 'raw' | 'qcow2' }[]): Promise<boolean[]> {
  return new Promise((resolve, reject) => {
    const child = execFile(PYTHON, [join(import.meta.dirname, 'glance-verdicts.py')], (error, stdout, stderr) => {
      if (error !== null) reject(new Error(`${error.message}\n${stderr}`))
      else resolve(JSON.parse(stdout) as boolean[])
    })
    child.stdin?.end(JSON.stringify(files.map(({ path, format }) => [path, format])))
  })
}
