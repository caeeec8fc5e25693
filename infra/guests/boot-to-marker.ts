import { type ChildProcess, spawn } from 'node:child_process'
import { runScript } from './run-script.ts'

/** What the guest's boot-report prints (overlay/usr/local/sbin/boot-report). */
const MARKER = /SHOAL-GUEST-UP layers=(\S*) failed=(\d+) units=(\S*) uptime=(\S+) END/
const DEFAULT_MACHINE: GuestMachine = { type: 'q35', cores: 2, memoryMib: 1024, codeMib: 512 }
const DEFAULT_PARAMETERS = 'root=/dev/vda1 ro console=ttyS0 net.ifnames=0 no_timer_check panic=-1'
/** Of the serial console, for the marker and for an error's last words. */
const KEPT_CHARS = 64 * 1024
const LAST_WORDS_CHARS = 1500

/** A disk that a guest is given. */
export type BootDisk = FileDisk | NodeDisk

/** A file as QEMU opens it; what the guest writes is dropped. */
export interface FileDisk {
  /** A file, or the address of an NBD export. */
  readonly file: string
  readonly format: 'raw' | 'qcow2'
  /** What lies below it, whatever its header says. */
  readonly backing?: { readonly file: string; readonly format: 'raw' | 'qcow2' }
}

/** A node of QEMU's block graph; what the guest writes stays. */
export interface NodeDisk {
  /** Arguments of `-blockdev`: the node and all that it stands on, which comes first. */
  readonly blockdev: readonly object[]
  readonly nodeName: string
}

/** What QEMU emulates. */
export interface GuestMachine {
  readonly type: 'q35' | 'pc'
  readonly cores: number
  readonly memoryMib: number
  /** Room for code of the guest that was translated. */
  readonly codeMib: number
}

export interface GuestKernel {
  readonly kernel: string
  readonly initrd: string
  /** What the kernel is told; absent: that its root is the first partition. */
  readonly parameters?: string
}

export interface BootOptions {
  /** The first is started from. */
  readonly disks: readonly BootDisk[]
  /** Starts this kernel instead of the disk's boot loader. */
  readonly kernel?: GuestKernel | undefined
  readonly machine?: GuestMachine | undefined
  /** Starts QEMU somewhere else, such as on a host of a lab. It is installed then. */
  readonly launch?: ((argv: readonly string[]) => ChildProcess) | undefined
  readonly timeoutMs: number
  readonly say?: (line: string) => void
  readonly signal?: AbortSignal | undefined
}

export interface BootResult {
  /** From the start of QEMU to the guest's word that it is up. */
  readonly seconds: number
  /** Names of what was made on the disk, from the base on. */
  readonly layers: readonly string[]
  /** Units that failed. */
  readonly failed: number
  /** State of the role's services, such as `active`. */
  readonly units: Readonly<Record<string, string>>
}

/**
 * Starts a guest in QEMU without hardware virtualisation and waits until it says that it is up, then ends it. Rejects with the last words
 * of its console when it does not, or ends before.
 */
export async function bootToMarker(options: BootOptions): Promise<BootResult> {
  const { timeoutMs, signal, say = () => {} } = options
  signal?.throwIfAborted()
  const { launch } = options
  if (launch === undefined) await runScript('install-tools.sh', ['--boot'], { say, signal })
  const begin = performance.now()
  const child = (launch ?? launchHere)(['qemu-system-x86_64', ...qemuArguments(options)])
  const closed = new Promise((resolve) => child.once('close', resolve))
  const end = () => child.kill('SIGKILL')
  process.once('exit', end)
  const limit = AbortSignal.timeout(timeoutMs)
  try {
    const until = signal === undefined ? limit : AbortSignal.any([limit, signal])
    const [, layers = '', failed, units = ''] = await waitForMarker(child, until)
    const states = units.split(',').filter((unit) => unit !== '')
    return {
      seconds: (performance.now() - begin) / 1000,
      layers: layers.split('+'),
      failed: Number(failed),
      units: Object.fromEntries(states.map((unit) => unit.split(':') as [string, string])),
    }
  } finally {
    end()
    await closed
    process.off('exit', end)
  }
}

function launchHere([program = '', ...flags]: readonly string[]): ChildProcess {
  return spawn(program, flags, { stdio: ['ignore', 'pipe', 'pipe'] })
}

/** What QEMU is told to start a guest with its serial console on standard output. */
export function qemuArguments({
  disks,
  kernel,
  machine = DEFAULT_MACHINE,
}: Pick<BootOptions, 'disks' | 'kernel' | 'machine'>): string[] {
  const direct = ({ kernel, initrd, parameters = DEFAULT_PARAMETERS }: GuestKernel) => {
    return ['-kernel', kernel, '-initrd', initrd, '-append', parameters]
  }
  const { type, cores, memoryMib, codeMib } = machine
  return [
    ...['-machine', type, '-accel', `tcg,thread=multi,tb-size=${codeMib}`, '-cpu', 'qemu64', '-smp', `${cores}`],
    ...['-m', `${memoryMib}`, '-nodefaults', '-display', 'none', '-no-reboot', '-serial', 'stdio'],
    // Without it the first service that wants random numbers waits for them.
    ...['-device', 'virtio-rng-pci'],
    ...(kernel === undefined ? [] : direct(kernel)),
    ...disks.flatMap((disk) => ('blockdev' in disk ? nodeArguments(disk) : ['-drive', driveArgument(disk)])),
  ]
}

function nodeArguments({ blockdev, nodeName }: NodeDisk): string[] {
  const nodes = blockdev.flatMap((node) => ['-blockdev', JSON.stringify(node)])
  return [...nodes, '-device', `virtio-blk-pci,drive=${nodeName}`]
}

function driveArgument({ file, format, backing }: FileDisk): string {
  const escaped = (path: string) => path.replaceAll(',', ',,')
  const below = (image: { file: string; format: string }) =>
    `,backing.driver=${image.format},backing.file.driver=file,backing.file.filename=${escaped(image.file)}`
  const chain = backing === undefined ? '' : below(backing)
  return `file=${escaped(file)},format=${format},if=virtio,snapshot=on${chain}`
}

function waitForMarker(child: ChildProcess, signal: AbortSignal): Promise<RegExpExecArray> {
  return new Promise((resolve, reject) => {
    let said = ''
    const fail = (what: string) =>
      reject(new Error(`${what}; the guest's last words:\n${said.slice(-LAST_WORDS_CHARS)}`))
    signal.addEventListener('abort', () => fail(`the guest is not up: ${String(signal.reason)}`), { once: true })
    child.once('error', reject)
    child.once('close', (code, by) => fail(`QEMU ended (${code ?? by}) before the guest was up`))
    for (const stream of [child.stdout, child.stderr]) {
      stream?.on('data', (chunk: Buffer) => {
        said = `${said}${chunk.toString('latin1')}`.slice(-KEPT_CHARS)
        const marker = MARKER.exec(said)
        if (marker !== null) resolve(marker)
      })
    }
  })
}
