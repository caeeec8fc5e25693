import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { stat } from 'node:fs/promises'
import { promisify } from 'node:util'
import type { Undo } from './undo.ts'
import { until } from './until.ts'

const run = promisify(execFile)

/** A machine's disk: a QEMU process with an overlay above the layer, which it has open. */
export async function openInQemu(undo: Undo, layer: string, overlay: string): Promise<ChildProcess> {
  await run('qemu-img', ['create', '-q', '-f', 'qcow2', '-b', layer, '-F', 'raw', overlay])
  const socket = `${overlay}.socket`
  const qemu = spawn('qemu-nbd', ['--persistent', '--socket', socket, '--format', 'qcow2', overlay], {
    stdio: 'inherit',
  })
  undo.after(async () => {
    if (qemu.exitCode !== null || qemu.signalCode !== null) return
    qemu.kill('SIGKILL')
    await once(qemu, 'exit')
  })
  await until('QEMU has opened the disk', async () => (await stat(socket)).isSocket())
  return qemu
}
