import { fork } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { atExit } from '../engines/at-exit.ts'
import type { ReadCase } from './read-case.ts'
import type { OpenImages, ReadCost, ReadEngine } from './read-engine.ts'
import type { ReadPattern } from './read-pattern.ts'

const PROGRAM = join(import.meta.dirname, 'read-chain.ts')

/** Our chain of images in a process that stays for all rounds, as a daemon's does; its code runs before it is measured, for the digest. */
export const shoal = {
  name: 'shoal',
  async open({ images }: ReadCase): Promise<OpenImages & { digest(): Promise<string> }> {
    const child = fork(PROGRAM, images, { stdio: ['ignore', 'ignore', 'inherit', 'ipc'] })
    const forget = atExit(() => child.kill('SIGKILL'))
    const exit = once(child, 'exit')
    const ask = async (order: 'digest' | ReadPattern): Promise<unknown> => {
      child.send(order)
      const [answer] = await Promise.race([once(child, 'message'), exit])
      if (typeof answer !== 'object' || answer === null) throw new Error('the reader ended')
      if ('error' in answer) throw new Error(`our reader: ${String(answer.error)}`)
      return (answer as { answer: unknown }).answer
    }
    return {
      digest: async () => (await ask('digest')) as string,
      read: async (pattern) => (await ask(pattern)) as ReadCost,
      async [Symbol.asyncDispose]() {
        child.kill('SIGKILL')
        await exit
        forget()
      },
    }
  },
} satisfies ReadEngine
