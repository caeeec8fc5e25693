import { readdirSync, readFileSync } from 'node:fs'

/** A process that composes, as /proc shows it. */
export interface ComposingProcess {
  readonly pid: number
  readonly parent: number
  readonly nice: number
}

/** The processes on this machine that compose a disk and whose parent is one of those named; all when none is. */
export function composingProcesses(parents: readonly number[] = []): ComposingProcess[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((pid) => readProcess(pid))
    .filter(({ parent }) => parents.length === 0 || parents.includes(parent))
}

/** Whether a process is there, and no zombie. */
export function isAlive(pid: number): boolean {
  return readProcess(String(pid)).length > 0
}

function readProcess(pid: string): ComposingProcess[] {
  try {
    if (!readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes('compose-child.ts')) return []
    // proc(5): the name may hold spaces and parentheses; what follows it begins with state and parent, and has nice as
    // its 17th.
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8')
      .replace(/^.*\) /s, '')
      .split(' ')
    return fields[0] === 'Z' ? [] : [{ pid: Number(pid), parent: Number(fields[1]), nice: Number(fields[16]) }]
  } catch {
    // It has ended since.
    return []
  }
}
