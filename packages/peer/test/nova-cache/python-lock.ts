import { spawn } from 'node:child_process'
import { once } from 'node:events'

/** What oslo.concurrency does to lock a file, and no more: `fcntl.lockf` on all of it. */
const PROGRAM = `
import fcntl, sys
file = open(sys.argv[1], 'a')
try:
    fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    print('locked', flush=True)
except BlockingIOError:
    print('refused', flush=True)
    sys.exit()
sys.stdin.read()
`

/** Tries to lock a file as Nova does; a lock that it got is held until it is disposed. */
export async function lockAsNova(path: string): Promise<AsyncDisposable & { readonly isLocked: boolean }> {
  const child = spawn('/usr/bin/python3', ['-c', PROGRAM, path], { stdio: ['pipe', 'pipe', 'inherit'] })
  const ended = once(child, 'close')
  const [answer] = (await once(child.stdout, 'data')) as [Buffer]
  return {
    isLocked: answer.toString().trim() === 'locked',
    [Symbol.asyncDispose]: async () => {
      child.stdin.end()
      await ended
    },
  }
}
