import { setTimeout as sleep } from 'node:timers/promises'
import { findClaims, type LabClaim, namespaceName, rootLinkName } from './address-range.ts'
import { ipCommand } from './ip-command.ts'

const KILL_ROUNDS = 100
const KILL_WAIT_MS = 50

/** The lab's namespaces, the core's last: while it exists, the lab's number stays taken. */
export async function labNamespaces(claim: LabClaim): Promise<string[]> {
  const text = await ipCommand(['ip', '-j', 'netns', 'list'])
  const listed = (text.trim() === '' ? [] : JSON.parse(text)) as { name: string }[]
  const core = namespaceName(claim, 'core')
  return listed
    .map(({ name }) => name)
    .filter((name) => name.startsWith(namespaceName(claim, '')))
    .sort((a, b) => Number(a === core) - Number(b === core) || a.localeCompare(b))
}

/** Ends every process in the lab's namespaces, by its pid, and removes all that the lab created. Idempotent. */
export async function destroyLab(claim: LabClaim): Promise<void> {
  const namespaces = await labNamespaces(claim)
  await endProcesses(namespaces)
  for (const namespace of namespaces) await ifPresent(ipCommand(['ip', 'netns', 'delete', namespace]))
  // Gone with the core's namespace, unless the lab failed before its other end was put there.
  await ifPresent(ipCommand(['ip', 'link', 'delete', rootLinkName(claim)]))
}

/** Destroys the labs whose owning process is gone, and gives them. */
export async function destroyAbandonedLabs(): Promise<LabClaim[]> {
  const abandoned = (await findClaims()).filter(({ owner }) => owner !== null && !isAlive(owner))
  for (const claim of abandoned) await destroyLab(claim)
  return abandoned
}

async function endProcesses(namespaces: readonly string[]): Promise<void> {
  for (let round = 0; round < KILL_ROUNDS; round++) {
    const lists = await Promise.all(namespaces.map((name) => ipCommand(['ip', 'netns', 'pids', name]).catch(() => '')))
    const pids = lists.flatMap((list) => list.split('\n').filter(Boolean).map(Number))
    if (pids.length === 0) return
    for (const pid of pids) kill(pid)
    await sleep(KILL_WAIT_MS)
  }
  throw new Error(`processes in ${namespaces.join(', ')} do not end`)
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL')
  } catch {
    // It ended by itself between the listing and the signal.
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}

async function ifPresent(command: Promise<unknown>): Promise<void> {
  try {
    await command
  } catch (error) {
    if (!/No such file or directory|Cannot find device/.test(String(error))) throw error
  }
}
