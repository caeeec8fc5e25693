import { once } from 'node:events'

/** The other side of `scriptedEngine` for scripts in Node: what to print and which signals to wait for. */
export const scriptEvents = {
  ready: (file: string, peerId?: string) => print('ready', { file, peerId }),
  done: () => print('done', {}),
  /** Resolves when data may flow. To be called before `ready` is printed: until then the signal would end us. */
  begun: () => once(process, 'SIGUSR2'),
  /** Prints the last counters and ends, so that a profile is written. */
  onStop(stop: () => Promise<{ uploadedBytes: number }>): void {
    process.once('SIGTERM', () => {
      stop().then(
        (counters) => process.stdout.write(line('counters', counters), () => process.exit(0)),
        (error: unknown) => {
          console.error(error)
          process.exit(1)
        },
      )
    })
  },
}

function print(event: string, detail: object): void {
  process.stdout.write(line(event, detail))
}

function line(event: string, detail: object): string {
  return `${JSON.stringify({ event, ...detail })}\n`
}
