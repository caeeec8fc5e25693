import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import type { Boot } from '@shoal/api'
import { qemuArguments } from '../../infra/guests/boot-to-marker.ts'
import type { UltralightGuest } from '../../infra/guests/ultralight/ensure-ultralight.ts'
import { Qmp } from './qmp.ts'
import type { Undo } from './undo.ts'
import { until } from './until.ts'

/** What the guest's /init says after each file that it has read. */
const VERDICT = /SHOAL-GUEST-READ rounds=(\d+) right=(\d+) wrong=(\d+) unreadable=(\d+) END/g
const KEPT_CHARS = 16 * 1024

/** Files that a guest has read since it was up, all rounds together. */
export interface Verdicts {
  /** How often it has read all of them. */
  readonly rounds: number
  readonly right: number
  /** With another content than it has. */
  readonly wrong: number
  /** With an error of the disk. */
  readonly unreadable: number
}

export interface ReadingGuestOptions {
  readonly guest: Pick<UltralightGuest, 'kernel' | 'machine'>
  /** How QEMU opens the disk: the words that a node gives for its command line. */
  readonly qemu: Boot['qemu']
  /** A path for QEMU's monitor. */
  readonly monitor: string
}

/** A machine in QEMU that reads all files of its disk again and again and says whether they are right. */
export class ReadingGuest {
  readonly qmp: Qmp
  readonly #qemu: ChildProcess
  #said = ''
  #verdicts: Verdicts = { rounds: 0, right: 0, wrong: 0, unreadable: 0 }

  private constructor(qemu: ChildProcess, qmp: Qmp) {
    this.#qemu = qemu
    this.qmp = qmp
    for (const stream of [qemu.stdout, qemu.stderr]) {
      stream?.on('data', (chunk: Buffer) => this.#listen(chunk.toString('latin1')))
    }
  }

  /** Starts it as somebody would who pastes what "shoal boot prepare" prints. It ends with the test. */
  static async start(undo: Undo, { guest, qemu: disk, monitor }: ReadingGuestOptions): Promise<ReadingGuest> {
    const { kernel, initrd, parameters = '' } = guest.kernel
    const machine = qemuArguments({
      ...{ disks: [], machine: guest.machine },
      kernel: { kernel, initrd, parameters: `${parameters} shoal.watch` },
    })
    const flags = [...machine, '-qmp', `unix:${monitor},server=on,wait=off`]
    const child = spawn('sh', ['-c', `exec qemu-system-x86_64 "$@" ${disk}`, 'sh', ...flags], {
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    undo.after(async () => {
      if (child.exitCode !== null || child.signalCode !== null) return
      child.kill('SIGKILL')
      await once(child, 'exit')
    })
    const qmp = await until('QEMU has a monitor', () => Qmp.connect(monitor))
    undo.after(async () => qmp.close())
    return new ReadingGuest(child, qmp)
  }

  get verdicts(): Verdicts {
    return this.#verdicts
  }

  /** Whether QEMU has stopped the machine because of an error of its disk. */
  get isStopped(): boolean {
    const last = this.qmp.events.findLast(({ event }) => event === 'STOP' || event === 'RESUME')
    return last?.event === 'STOP'
  }

  /** Whether QEMU has ever done that. */
  get wasStopped(): boolean {
    return this.qmp.events.some(({ event }) => event === 'STOP')
  }

  /** Waits for what it says. */
  until(what: string, fits: (verdicts: Verdicts) => boolean, timeoutMs = 60_000): Promise<Verdicts> {
    const ask = async () => {
      if (fits(this.#verdicts)) return this.#verdicts
      const state = this.#qemu.exitCode === null ? 'its last words' : 'QEMU has ended'
      throw new Error(`${state}: ${this.#said.slice(-1500)}`)
    }
    return until(`the guest: ${what}`, ask, { timeoutMs, everyMs: 20 })
  }

  /** Waits until it has read so many files more, whatever they were. */
  reads(more: number, timeoutMs?: number): Promise<Verdicts> {
    const goal = sum(this.#verdicts) + more
    return this.until(`reads ${more} files more`, (verdicts) => sum(verdicts) >= goal, timeoutMs)
  }

  #listen(text: string): void {
    this.#said = `${this.#said}${text}`.slice(-KEPT_CHARS)
    const last = [...this.#said.matchAll(VERDICT)].at(-1)
    if (last === undefined) return
    const [rounds = 0, right = 0, wrong = 0, unreadable = 0] = last.slice(1).map(Number)
    this.#verdicts = { rounds, right, wrong, unreadable }
  }
}

function sum({ right, wrong, unreadable }: Verdicts): number {
  return right + wrong + unreadable
}
