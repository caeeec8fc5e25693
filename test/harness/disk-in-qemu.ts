import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { stat } from 'node:fs/promises'
import type { Boot } from '@shoal/api'
import type { Undo } from './undo.ts'
import { until } from './until.ts'

/**
 * A disk as a machine has it: a QEMU process opens it by its description and shows what a guest would see, as an export
 * on a socket of its own, writable when the disk is. Gives its URI.
 */
export async function diskInQemu(
  undo: Undo,
  { blockdev, nodeName, overlay }: Pick<Boot, 'blockdev' | 'nodeName' | 'overlay'>,
  socket: string,
): Promise<string> {
  const shown = `type=nbd,id=guest,name=guest,node-name=${nodeName},writable=${overlay === null ? 'off' : 'on'}`
  const nodes = blockdev.flatMap((node) => ['--blockdev', JSON.stringify(node)])
  const server = `addr.type=unix,addr.path=${socket}`
  const qemu = spawn('qemu-storage-daemon', [...nodes, '--nbd-server', server, '--export', shown], { stdio: 'inherit' })
  undo.after(async () => {
    if (qemu.exitCode !== null || qemu.signalCode !== null) return
    qemu.kill('SIGKILL')
    await once(qemu, 'exit')
  })
  await until('QEMU has opened the disk', async () => {
    if (qemu.exitCode !== null) throw new Error(`QEMU ended with ${qemu.exitCode}`)
    return (await stat(socket)).isSocket()
  })
  return `nbd+unix:///guest?socket=${socket}`
}
